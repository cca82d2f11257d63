// Package logintime reads FreeRADIUS's Login-Time, such as
// "Wk0800-1800,Sa0900-1200": at which times it allows a login, and for how long.
//
// A window is one or several days, Su Mo Tu We Th Fr Sa, ranges of them (Mo-Fr,
// Sa-Mo), Wk (Monday to Friday), Al or Any (all), with or without hours from 0000
// to 2400. The last minute counts: 0800-1800 ends as the clock shows 18:01. Hours
// that end before they begin are two windows of the same day, as in FreeRADIUS:
// Fr2300-0500 is Friday until 05:00 and Friday from 23:00 on, not the night to
// Saturday. Windows are separated by , or |.
//
// Everything is by the clock on the wall. Where that is set forward or back, a
// window still ends when the clock shows its end; FreeRADIUS counts the minutes of
// an ordinary week, and is off by the hour.
//
// A text that FreeRADIUS takes for another one, or ignores, is an error here.
package logintime
