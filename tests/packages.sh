#!/bin/sh
# Programs that tests run for real, from Debian's packages: installed when absent, as root; said otherwise.
set -eu
missing=""
for pair in \
    git:git /usr/bin/carbon-cache:graphite-carbon carbon-c-relay:carbon-c-relay \
    victoria-metrics:victoria-metrics /usr/sbin/collectd:collectd-core nc.openbsd:netcat-openbsd \
    graphite-manage:graphite-web rsync:rsync faketime:faketime \
    ps:procps ip:iproute2 /usr/sbin/mke2fs:e2fsprogs patch:patch ssh-keygen:openssh-client \
    rpmbuild:rpm dnf:dnf createrepo_c:createrepo-c \
    /usr/sbin/mariadbd:mariadb-server pg_ctlcluster:postgresql \
    systemd-analyze:systemd systemd-nspawn:systemd-container openssl:openssl \
    crontab:cron /usr/sbin/update-rc.d:init-system-helpers /usr/sbin/useradd:passwd \
    /usr/sbin/slapd:slapd /usr/sbin/snmpd:snmpd chromium:chromium; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "the tests need these Debian packages:$missing" >&2
    exit 1
fi
echo "installing:$missing"
# Some of them are daemons, which Debian would start on their usual ports: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
if command -v systemctl >/dev/null 2>&1; then
    for package in $missing; do
        systemctl disable --quiet "${package%-core}" 2>/dev/null || true
        case "$package" in mariadb-server) systemctl disable --quiet mariadb 2>/dev/null || true ;; esac
    done
fi
