#!/bin/bash
# get-asterisk.sh [folder]: Asterisk 22 from Debian sid, unpacked without root, chroot or maintainer scripts, for the
# tests that compare with a real Asterisk. Prints the path of a launcher. Quick when it is already there.
# The folder defaults to SIDETONE_ASTERISK_DIR, else ${XDG_CACHE_HOME:-~/.cache}/sidetone/asterisk.
set -euo pipefail

dir=$(realpath -m "${1:-${SIDETONE_ASTERISK_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/sidetone/asterisk}}")
launcher=$dir/asterisk
if [ -x "$launcher" ]; then echo "$launcher"; exit 0; fi

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for need in apt-get dpkg-deb flock; do
  command -v $need >/dev/null || { echo "get-asterisk.sh needs $need: run it on Debian or a derivative" >&2; exit 1; }
done
[ -r $keyring ] || { echo "get-asterisk.sh needs $keyring: install debian-archive-keyring" >&2; exit 1; }

mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
if [ -x "$launcher" ]; then echo "$launcher"; exit 0; fi # another run has just finished

# The machine's own mirror, so that a local mirror serves here too. Sources of other vendors stand beside it.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -E '^(URIs:|deb )' |
  grep -Eom1 'https?://[^ ]+/debian/?( |$)' | tr -d ' ' || true)
[ -n "$mirror" ] || { echo "get-asterisk.sh finds no Debian mirror in /etc/apt" >&2; exit 1; }
apt_dir=$dir/apt
mkdir -p "$apt_dir"/state/lists/partial "$apt_dir"/cache/archives/partial
: > "$apt_dir/state/status" # an empty package database: every dependency is fetched, the host's are not used
echo "deb [signed-by=$keyring] $mirror sid main" > "$apt_dir/sources.list"
apt_get() {
  apt-get -q -o Dir::State="$apt_dir/state" -o Dir::State::status="$apt_dir/state/status" -o Dir::Cache="$apt_dir/cache" \
    -o Dir::Etc::sourcelist="$apt_dir/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User= \
    -o Acquire::Languages=none -o Acquire::Retries=3 "$@" >&2
}
apt_get update
apt_get -y --no-install-recommends --download-only install asterisk asterisk-core-sounds-en-gsm

rm -rf "$dir/root"
mkdir -p "$dir/root"
for deb in "$apt_dir"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
rm -rf "$apt_dir/state/lists"

# sounds/en is an absolute link into /etc/alternatives, which exists only in an installed system.
mkdir -p "$dir/data/sounds"
ln -sfn "$dir/root/usr/share/asterisk/sounds/en_US_f_Allison" "$dir/data/sounds/en"
for part in documentation rest-api static-http; do ln -sfn "$dir/root/usr/share/asterisk/$part" "$dir/data/$part"; done

# Its own loader and libraries, so that an older glibc on this machine does not matter.
loader=$(find "$dir/root" -name 'ld-linux-*.so.*' | head -n 1)
libraries=$(dirname "$(find "$dir/root/usr/lib" -name libc.so.6 | head -n 1)")
ln -sfn "$libraries/asterisk/modules" "$dir/modules"
printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libraries" "$dir/root/usr/sbin/asterisk" > "$launcher.new"
chmod +x "$launcher.new"
"$launcher.new" -V >&2 # a launcher that cannot start Asterisk is not left behind as if it could
mv "$launcher.new" "$launcher"
echo "$launcher"
