#!/bin/sh
# Installs Callbox into the component's work folder, which is the current one. The nucleus runs this
# at each of its starts: where all is there, it only looks.
#
# PythonPath  a Python 3.11 or newer; empty: the first one that is found
#
# Every version has an environment of its own, venv-VERSION-SUM. The one before stays until this one
# has been found in order once, so that a deployment that is rolled back needs no network. What the
# gateway keeps, callbox.sqlite3, is not touched.
set -u

refuse() {
  printf '%s\n' "$*" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
artifact=$(cat "$here/artifact" 2>/dev/null) || refuse "$here is not what make greengrass packs: unpack the ZIP of dist/greengrass, and run its install.sh."
venv=$PWD/venv-$artifact
stamp=$venv/installed
log=$PWD/install.log
PythonPath=${PythonPath:-}
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin

PROBE='
import sys
word = "good"
if sys.version_info < (3, 11):
    word = "old"
else:
    import platform, struct
    if platform.machine() not in ("x86_64", "aarch64") or struct.calcsize("P") != 8:
        word = "foreign"
    try:
        import ensurepip, venv
    except ImportError:
        word = "bare"
print(word + " %d.%d.%d" % sys.version_info[:3])
'

# What has to be so for nothing to be done: the same PythonPath, and a Python of the same version
# that finds Callbox in its environment.
state() {
  printf '%s\n' "PythonPath=$PythonPath"
  "$venv/bin/python" -I -c 'import sys, callbox; print(sys.version_info[:2])' 2>/dev/null </dev/null
}

is_installed() { now=$(state) && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; }

# $1: how many environments of other versions to keep, newest first
tidy() {
  ls -dt venv-* 2>/dev/null | grep -vFx "venv-$artifact" | tail -n "+$(($1 + 1))" |
    while read -r other; do rm -rf "./$other"; done
}

# python, version: one that will do; else old, bare, foreign: versions that will not
find_python() {
  old='' bare='' foreign=''
  if [ -n "$PythonPath" ]; then
    set -- "$PythonPath"
  else
    set -- python3.13 python3.12 python3.11 python3 /opt/*/bin/python3
  fi
  for python; do
    answer=$("$python" -E -s -c "$PROBE" 2>/dev/null </dev/null) || continue
    version=${answer#* }
    case $answer in
      good\ *) return 0 ;;
      old\ *) old=$version ;;
      bare\ *) bare=$version ;;
      foreign\ *) foreign=$version ;;
    esac
  done
  return 1
}

refuse_python() {
  [ -z "$foreign" ] || refuse "The component needs a 64-bit Python on x86_64 or aarch64, and Python $foreign here is another ($(uname -m)): run Callbox beside the core as a plain MQTT gateway, as docs/greengrass.md says for 32-bit ARM."
  [ -z "$bare" ] || refuse "Python $bare has no venv module: install it, on Debian and Ubuntu with 'sudo apt-get install python${bare%.*}-venv', and deploy again."
  remedy="install one, on Debian 12, Ubuntu 24.04 and newer with 'sudo apt-get install python3 python3-venv', or set PythonPath to one that is elsewhere (three ways: docs/greengrass.md)"
  [ -z "$PythonPath" ] || remedy="set PythonPath to the full path of another, or to nothing"
  [ -z "$old" ] || refuse "Callbox needs Python 3.11 or newer, and ${PythonPath:-the newest here} is Python $old: $remedy."
  [ -z "$PythonPath" ] || refuse "PythonPath is '$PythonPath', which cannot be run as Python: $remedy."
  refuse "Callbox needs Python 3.11 or newer, and there is none here: $remedy."
}

is_told() { grep -Eqi "$1" "$log" 2>/dev/null; }
is_full() { is_told 'No space left|quota exceeded' || [ "$(df -Pk . | awk 'NR == 2 { print $4 }')" -lt 1024 ]; }

# Half an environment is of no use, and may be what fills the disk.
explain() {
  full=$(is_full && echo yes)
  rm -rf "$venv"
  if [ -n "$full" ]; then
    refuse "The disk is full: make 300 MB free where $PWD is, and deploy again."
  elif is_told 'Retrying \(|NewConnectionError|name resolution|timed out|Could not fetch URL'; then
    refuse "No Python package index answers: connect the device, or deploy an artifact that brings its wheels, made by make greengrass ARGS=--wheels."
  fi
  absent=$(sed -n 's/^ERROR: No matching distribution found for \([^ ]*\).*/\1/p' "$log" 2>/dev/null | head -n 1)
  [ -z "$absent" ] || refuse "There is no wheel of $absent for Python $version on $(uname -m)$(in_wheels): set PythonPath to a Python 3.11, 3.12 or 3.13."
  refuse "Callbox could not be installed: $({ tail -n 1 "$log"; grep -E '^ERROR|[Ee]rror:' "$log"; } | tail -n 1) (all of it: $log)."
}

in_wheels() { [ ! -d "$here/wheels" ] || printf ' in this artifact'; }

install_wheels() {
  set -- "$here"/callbox-*.whl
  wheel=$1
  set -- --disable-pip-version-check --no-input --no-cache-dir --progress-bar off --only-binary=:all:
  [ ! -d "$here/wheels" ] || set -- "$@" --no-index --find-links "$here/wheels"
  PIP_USER=0 "$venv/bin/python" -I -m pip install "$@" "${wheel}[greengrass]"
}

# An environment without its stamp, as an interruption leaves it, is made anew. The stamp comes when
# all else is on disk, for a power cut.
install() {
  printf '%s\n' "Installing Callbox $artifact with Python $version ($python): this takes a minute, or some"
  rm -rf "$venv"
  "$python" -E -s -m venv "$venv" >"$log" 2>&1 </dev/null || explain
  install_wheels >>"$log" 2>&1 </dev/null || explain
  sync
  state >"$stamp" || explain
  rm -f "$log"
}

if is_installed; then
  tidy 0
else
  find_python || refuse_python
  install
  tidy 1
fi
printf '%s\n' "Callbox $artifact is installed"
