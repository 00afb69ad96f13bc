#!/bin/sh
# Programs that tests run for real, from Debian's packages: installed when absent, as root; said otherwise.
set -eu
missing=""
for pair in git:git carbon-cache:graphite-carbon; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
    echo "the tests need these Debian packages:$missing" >&2
    exit 1
fi
