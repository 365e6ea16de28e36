#!/bin/sh
# Runs Callbox as a Greengrass component, confined where this machine lets it. The work folder is the
# current one.
#
# IsolationMode     GreengrassContainer: by bubblewrap, or else unconfined, with a warning
#                   NoContainer: a plain process
# RequireIsolation  true: rather not run than run unconfined
# Exit codes: those of callbox greengrass; 2 if what is set cannot be done.
set -u

here=$(cd "$(dirname "$0")" && pwd)
venv=$PWD/venv-$(cat "$here/artifact")
python=$venv/bin/python
door=$PWD/.launch
IsolationMode=${IsolationMode:-GreengrassContainer}
RequireIsolation=${RequireIsolation:-false}

say() { printf '%s\n' "$*" >&2; }

refuse() {
  say "$*"
  exit 2
}

shown() { printf '%s' "$1" | tr -cd '[:alnum:]_./:{}-' | cut -c 1-40; }

# Everything is there to read, and the work folder, without the program in it, to write. /tmp is
# empty, but for what of this is in it. In a subshell only, as nothing comes after it.
# $1...: more options for bubblewrap, then what to run
bubble() {
  case $socket in /tmp/* | /var/tmp/*) set -- --ro-bind-try "$socket" "$socket" "$@" ;; esac
  exec bwrap --die-with-parent --new-session --unshare-ipc --unshare-pid --unshare-uts \
    --unshare-cgroup-try --cap-drop ALL --as-pid-1 --ro-bind / / --dev /dev --proc /proc \
    --tmpfs /tmp --tmpfs /var/tmp --setenv TMPDIR /tmp --bind "$PWD" "$PWD" --ro-bind "$venv" "$venv" \
    --chdir "$PWD" "$@"
}

# A process 1 hears no signal that it does not wait for, so it waits from the first. When it does, it
# shuts the door.
START='
import os, runpy, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
os.close(4)
sys.argv[1:] = ["greengrass"]
runpy.run_module("callbox", run_name="__main__", alter_sys=True)
'

# The nucleus may tell only this process to stop, or all there are: bubblewrap, which would kill what
# is in it, does not listen, and Callbox is told from here.
confined() {
  inside='' told=''
  trap 'told=yes; [ -z "$inside" ] || kill -TERM "$inside" 2>/dev/null' TERM INT
  rm -f "$door"
  mkfifo -m 600 "$door" || exit 1
  (
    trap '' TERM INT
    bubble --info-fd 3 "$python" -I -c "$START" 3>"$door" 4>&3
  ) &
  box=$!
  inside=$(sed -n 's/.*"child-pid": *\([0-9]*\).*/\1/p' "$door")
  rm -f "$door"
  [ -z "$told" ] || kill -TERM "$inside" 2>/dev/null
  code=127
  while
    told=''
    wait "$box"
    result=$?
    [ "$result" = 127 ] || code=$result
    [ -n "$told" ]
  do :; done
  exit "$code"
}

unconfined() {
  nnp=''
  setpriv --no-new-privs true 2>/dev/null && nnp='setpriv --no-new-privs'
  exec $nnp "$python" -I -m callbox greengrass
}

why_not() {
  command -v bwrap >/dev/null || { printf 'bubblewrap is not installed'; return; }
  problem=$(bubble "$python" -I -c '' 2>&1) || printf 'bubblewrap does not work here (%s)' "$(printf '%s' "$problem" | tail -n 1)"
}

[ -x "$python" ] || refuse "Callbox is not installed in $PWD: run install.sh there first, as the nucleus does."
ulimit -c 0 # a core dump would hold the token
socket=${AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT:-}

case $RequireIsolation in
  true | false) ;;
  *) refuse "RequireIsolation is '$(shown "$RequireIsolation")': set it to \"true\" or \"false\"." ;;
esac
case $IsolationMode in
  GreengrassContainer) problem=$(why_not) ;;
  NoContainer) problem='IsolationMode is NoContainer' ;;
  *) refuse "IsolationMode is '$(shown "$IsolationMode")': set it to GreengrassContainer or NoContainer." ;;
esac
[ -n "$problem" ] || confined
[ "$RequireIsolation" = false ] || refuse "RequireIsolation is true, but $problem: install bubblewrap and leave IsolationMode at GreengrassContainer, or set RequireIsolation to \"false\"."
[ "$IsolationMode" = NoContainer ] || say "Callbox runs unconfined, as $problem: install bubblewrap, or set IsolationMode to NoContainer to have it so."
unconfined
