#!/usr/bin/env bash
# Installs what `make test` needs beyond Go, make and git, and does nothing
# for what is there already.
#
#   scripts/install-test-needs.sh [cc] [freeradius] [radsecproxy] [slapd] [389ds] [samba] [postgresql] [pgbouncer] [mariadb] [prometheus] [gnupg] [qemu] [shellcheck]
#
# Without arguments: all. shellcheck is what `make lint` reads these scripts with.
#
# cc is the C compiler that Go's race detector links with. The servers are run by
# the tests themselves, with their own configuration: the daemons that Debian's
# packages bring stay off.
set -euo pipefail

packages=()
policy= # the file that keeps services off, if this script made it

say() { printf 'install-test-needs.sh: %s\n' "$*" >&2; }

die() {
	say "$*"
	exit 1
}

# have also looks where ordinary users' PATH does not lead.
have() {
	command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/usr/local/sbin/$1" ]
}

need_cc() { have cc || have gcc || packages+=(gcc libc6-dev); }

# Outside Debian the server is called radiusd.
need_freeradius() {
	have freeradius || have radiusd || packages+=(freeradius)
	have radclient || packages+=(freeradius-utils)
	have eapol_test || packages+=(eapoltest)
	# Tests set the clock of a FreeRADIUS.
	compgen -G '/usr/lib*/*/faketime/libfaketimeMT.so.1' >/dev/null ||
		compgen -G '/usr/lib*/faketime/libfaketimeMT.so.1' >/dev/null || packages+=(libfaketime)
	compgen -G '/usr/lib*/freeradius/rlm_rest.so' >/dev/null || packages+=(freeradius-rest)
	compgen -G '/usr/lib*/freeradius/rlm_sql_postgresql.so' >/dev/null || packages+=(freeradius-postgresql)
	compgen -G '/usr/lib*/freeradius/rlm_sql_mysql.so' >/dev/null || packages+=(freeradius-mysql)
	compgen -G '/usr/lib*/freeradius/rlm_ldap.so' >/dev/null || packages+=(freeradius-ldap)
}

need_radsecproxy() { have radsecproxy || packages+=(radsecproxy); }

# The server's programs are not on PATH: a machine has several versions.
need_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || packages+=(postgresql); }

need_pgbouncer() { have pgbouncer || packages+=(pgbouncer); }

# The package mariadb-server would add a service and its data, which no test uses.
need_mariadb() {
	have mariadbd && have mariadb-install-db || packages+=(mariadb-server-core)
	have mariadb && have my_print_defaults || packages+=(mariadb-client-core)
}

need_shellcheck() { have shellcheck || packages+=(shellcheck); }

# The package prometheus has promtool, and prometheus-alertmanager has amtool.
need_prometheus() {
	have prometheus && have promtool || packages+=(prometheus)
	have prometheus-alertmanager && have amtool || packages+=(prometheus-alertmanager)
}

# What signs and verifies releases, and unpacks those of Windows.
need_gnupg() {
	have gpg && have gpgv || packages+=(gnupg gpgv)
	have unzip || packages+=(unzip)
}

need_slapd() { have slapd || packages+=(slapd); }

need_389ds() { have ns-slapd || packages+=(389-ds-base); }

# A domain controller: winbind and the modules are its parts. It needs no
# Kerberos configuration, but its provisioning does.
need_samba() {
	have samba && have samba-tool && [ -d /usr/share/samba/setup ] ||
		packages+=(samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind krb5-config krb5-user)
}

# It runs tests of 32 bits: not every kernel does, and Go's programs for 386 do not run in it.
need_qemu() { have qemu-arm || packages+=(qemu-user); }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y \
		-o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" </dev/null >&2
}

# services_off makes the package scripts start nothing (status 101 of
# policy-rc.d: forbidden). A machine's own policy is left alone.
services_off() {
	policy=/usr/sbin/policy-rc.d
	if [ -e "$policy" ]; then
		policy=
		return
	fi
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
}

cleanup() { [ -z "$policy" ] || as_root rm -f "$policy"; }

# daemons lists the process ids of running servers. Small images have no ps; comm has the
# first 15 characters of a name.
daemons() { grep -slxE 'freeradius|radiusd|radsecproxy|slapd|ns-slapd|samba|smbd|nmbd|winbindd|postgres|pgbouncer|mariadbd|mysqld|prometheus|prometheus-aler' /proc/[0-9]*/comm | cut -d / -f 3 || true; }

# stop_new stops daemons that the installation started all the same: not those
# that ran before.
stop_new() {
	local before=" $1 " pid
	for pid in $(daemons); do
		[[ $before == *" $pid "* ]] || {
			say "stopping the $(cat "/proc/$pid/comm") that the package started (process $pid)"
			as_root kill "$pid"
		}
	done
}

install_packages() {
	command -v apt-get >/dev/null || die "missing: ${packages[*]} (Debian's names), and there is no apt-get here. Install a C compiler, FreeRADIUS 3.2 with radclient, rlm_rest, rlm_ldap and rlm_sql_mysql, libfaketime, radsecproxy, OpenLDAP's slapd, 389 Directory Server, Samba's domain controller, PostgreSQL, PgBouncer, MariaDB 10.10 or later, Prometheus, Alertmanager (linked as prometheus-alertmanager), GnuPG, unzip, QEMU's user mode and shellcheck, so that cc, freeradius or radiusd, radclient, radsecproxy, slapd, ns-slapd, samba, samba-tool, pgbouncer, mariadbd, mariadb-install-db, mariadb, prometheus, promtool, prometheus-alertmanager, amtool, gpg, gpgv, unzip, qemu-arm and shellcheck are on PATH"
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
		die "missing: ${packages[*]}, and there is no sudo. Run as root: apt-get install ${packages[*]}"
	say "installing ${packages[*]}"
	local before
	before=$(daemons | tr '\n' ' ')
	trap cleanup EXIT
	services_off
	if ! apt install --no-install-recommends "${packages[@]}"; then
		say 'trying again with fresh package lists'
		apt update || say 'apt-get update failed: going on with the lists that are there'
		apt install --no-install-recommends "${packages[@]}" || die "could not install ${packages[*]}: see apt's messages above"
	fi
	stop_new "$before"
}

main() {
	local need
	[ $# -gt 0 ] || set -- cc freeradius radsecproxy slapd 389ds samba postgresql pgbouncer mariadb prometheus gnupg qemu shellcheck
	for need in "$@"; do
		case $need in
		cc) need_cc ;;
		freeradius) need_freeradius ;;
		radsecproxy) need_radsecproxy ;;
		slapd) need_slapd ;;
		389ds) need_389ds ;;
		samba) need_samba ;;
		postgresql) need_postgresql ;;
		qemu) need_qemu ;;
		pgbouncer) need_pgbouncer ;;
		mariadb) need_mariadb ;;
		prometheus) need_prometheus ;;
		gnupg) need_gnupg ;;
		shellcheck) need_shellcheck ;;
		*) die "unknown argument $need: use cc, freeradius, radsecproxy, slapd, 389ds, samba, postgresql, pgbouncer, mariadb, prometheus, gnupg, qemu, shellcheck or nothing" ;;
		esac
	done
	[ ${#packages[@]} -eq 0 ] || install_packages
}

main "$@"
