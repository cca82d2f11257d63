package soak

import (
	"fmt"

	"vault-plugin-auth-radius/internal/radiustest"
)

// usersOfGroup is how many users log in in each way. Their number is bounded, so that what grows is a leak.
const usersOfGroup = 10

// code is the one-time code of all users who are asked for one.
const code = "123456"

// Groups of users, whose names begin like that.
const (
	papGroup       = "pap"
	chapGroup      = "chap"
	mschapGroup    = "mschapv2"
	radsecGroup    = "radsec"
	challengeGroup = "challenge"
	failoverGroup  = "failover"
	restartedGroup = "restarted"
	forgedGroup    = "forged"
	directoryGroup = "directory"
	localGroup     = "local"
	argon2Group    = "argon2"
)

// radiusGroups are those that RADIUS servers know.
var radiusGroups = []string{
	papGroup, chapGroup, mschapGroup, radsecGroup, challengeGroup, failoverGroup, restartedGroup, forgedGroup,
}

// username returns the name of a group's user; n may be any number.
func username(group string, n int) string { return fmt.Sprintf("%s%d", group, n%usersOfGroup) }

// password returns a user's password.
func password(name string) string { return name + "-password" }

// passwords are the users of FreeRADIUS.
func passwords() map[string]string {
	all := map[string]string{}
	for _, group := range radiusGroups {
		for n := range usersOfGroup {
			all[username(group, n)] = password(username(group, n))
		}
	}
	return all
}

// directoryPasswords are the users of the directory.
func directoryPasswords() map[string]string {
	all := map[string]string{}
	for n := range usersOfGroup {
		all[username(directoryGroup, n)] = password(username(directoryGroup, n))
	}
	return all
}

// codes are the one-time codes of FreeRADIUS.
func codes() map[string]string {
	all := map[string]string{}
	for n := range usersOfGroup {
		all[username(challengeGroup, n)] = code
	}
	return all
}

// scriptedUsers are the users of the server that forges.
func scriptedUsers() radiustest.Users {
	all := radiustest.Users{}
	for name, password := range passwords() {
		all[name] = radiustest.User{Password: password}
	}
	return all
}
