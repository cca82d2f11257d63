package radiustest

import "fmt"

// FreeRADIUSLDAP is a directory in which FreeRADIUS looks for users and their
// passwords, with rlm_ldap and the filter of its default configuration, uid.
// No text of it may hold quotes, backslashes or dollar signs.
type FreeRADIUSLDAP struct {
	Host             string
	Port             int
	BaseDN           string // the users are below it
	BindDN, Password string // of an account that may read userPassword
}

// FreeRADIUSSQL is a database in which FreeRADIUS looks for users and their
// passwords, with rlm_sql_mysql, and keeps what it has answered. It has the tables of
// [SQLSchema]. No text of it may hold quotes, backslashes or dollar signs.
type FreeRADIUSSQL struct {
	Host            string
	Port            int
	Login, Password string
	Database        string
}

// SQLSchema returns the statements that make the tables of a FreeRADIUSSQL, as
// FreeRADIUS's schema has them, with a collation of MariaDB: empty is its default.
//
// A user is a row of radcheck: username, attribute "Cleartext-Password", op ":=" and
// the password as the value. radpostauth has a row for each answer: the User-Name as
// it was sent, and reply, "Access-Accept" or "Access-Reject".
func SQLSchema(collation string) string {
	options := "DEFAULT CHARACTER SET utf8mb4"
	if collation != "" {
		options += " COLLATE " + collation
	}
	return fmt.Sprintf(`CREATE TABLE radcheck (
	id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
	username varchar(64) NOT NULL DEFAULT '',
	attribute varchar(64) NOT NULL DEFAULT '',
	op char(2) NOT NULL DEFAULT '==',
	value varchar(253) NOT NULL DEFAULT '',
	KEY username (username)
) %[1]s;
CREATE TABLE radpostauth (
	id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
	username varchar(253) NOT NULL DEFAULT '',
	reply varchar(32) NOT NULL DEFAULT ''
) %[1]s;
`, options)
}

// validate refuses values that the configuration cannot hold.
func (l *FreeRADIUSLDAP) validate() error {
	if l == nil {
		return nil
	}
	return plainAll(map[string]string{"LDAP host": l.Host, "LDAP base DN": l.BaseDN, "LDAP bind DN": l.BindDN, "LDAP password": l.Password})
}

// validate refuses values that the configuration cannot hold.
func (s *FreeRADIUSSQL) validate() error {
	if s == nil {
		return nil
	}
	return plainAll(map[string]string{"SQL host": s.Host, "SQL login": s.Login, "SQL password": s.Password, "SQL database": s.Database})
}

func plainAll(values map[string]string) error {
	for what, value := range values {
		if err := plain(what, value); err != nil {
			return err
		}
	}
	return nil
}

// freeRADIUSSources are the modules of the sources that there are.
const freeRADIUSSources = `
{{- define "pool"}}
		pool {
			start = 1
			min = 1
			max = 8
			spare = 1
			uses = 0
			lifetime = 0
			idle_timeout = 0
		}
{{- end}}
{{- define "sources"}}
{{- with .LDAP}}
	ldap {
		server = '{{.Host}}'
		port = {{.Port}}
		identity = '{{.BindDN}}'
		password = '{{.Password}}'
		base_dn = '{{.BaseDN}}'
		update {
			control:Password-With-Header += 'userPassword'
		}
		user {
			base_dn = "${..base_dn}"
			filter = "(uid=%{User-Name})"
		}
		{{- template "pool"}}
	}
{{- end}}
{{- with .SQL}}
	sql {
		dialect = "mysql"
		driver = "rlm_sql_mysql"
		server = '{{.Host}}'
		port = {{.Port}}
		login = '{{.Login}}'
		password = '{{.Password}}'
		radius_db = '{{.Database}}'
		read_groups = no
		read_profiles = no
		sql_user_name = "%{User-Name}"
		authorize_check_query = "SELECT id, username, attribute, value, op FROM radcheck WHERE username = '%{SQL-User-Name}' ORDER BY id"
		post-auth {
			query = "INSERT INTO radpostauth (username, reply) VALUES ('%{SQL-User-Name}', '%{reply:Packet-Type}')"
		}
		{{- template "pool"}}
	}
{{- end}}
{{- end}}`
