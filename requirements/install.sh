# Installs what a lock names into .venv, and only that. Read by `run`; needs $root, $venv and say().
#
# Nothing is resolved: pips before 25 ask the registry anew for an extra (`coverage[toml]`) though the lock pins it, and
# refuse the lock on the day a newer release exists. So --no-deps, and `pip check` says whether the lock was whole.

INSTALL_WAIT_S=1800

find_python() {
  for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3; do
    if command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  say "Khallas needs Python 3.11 or newer with venv (Debian: apt-get install python3 python3-venv)."
  exit 1
}

# A stamp holds the lock's checksum: nothing is installed twice, and a changed lock is noticed.
install() {
  lock="$root/requirements/$1.lock"
  sum=$(cat "$lock" "$root/pyproject.toml" | cksum)
  if installed "$1"; then return; fi
  python=$(find_python) || exit 1
  if ! { : >>"$root/.venv.lock"; } 2>/dev/null; then
    say "$1's dependencies are not installed, and $(id -un) may not write in $root: run it as its owner, or in a clone of your own."
    exit 1
  fi
  # The kernel holds the lock for as long as this shell or a pip of it lives: none is left behind by a death.
  exec 9>>"$root/.venv.lock"
  alone || { say "Another ./run has been installing here for $((INSTALL_WAIT_S / 60)) minutes: giving up."; exit 1; }
  installed "$1" || make_or_mend "$1"
  exec 9>&-
}

installed() {
  [ ! -e "$venv/.unfinished" ] && [ "$(cat "$venv/.installed-$1" 2>/dev/null)" = "$sum" ] && healthy
}

# Its interpreter answers and is the one it was made for (a Python that was removed or replaced leaves no pip there),
# and the checkout stands where it stood: the scripts in it name their place.
healthy() {
  "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
    [ "$(cat "$venv/.place" 2>/dev/null || printf '%s' "$root")" = "$root" ]
}

alone() {
  "$python" - "$INSTALL_WAIT_S" <<'PY'
import fcntl, signal, sys

try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another ./run is installing here: waiting for it ...", file=sys.stderr)
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(1))
    signal.alarm(int(sys.argv[1]))
    fcntl.flock(9, fcntl.LOCK_EX)
PY
}

# What a killed installation left, or one that cannot be completed, is thrown away and made anew, once.
make_or_mend() {
  if [ -e "$venv" ] && { [ -e "$venv/.unfinished" ] || ! healthy; }; then
    say ".venv is broken or half made: making it anew."
    rm -rf "$venv"
  fi
  if [ -e "$venv" ]; then
    if fill "$1"; then return; fi
    if [ ! -e "$venv/.unfinished" ]; then
      say "The installation failed; the lines above say why. Nothing was changed."
      exit 1
    fi
    say ".venv could not be brought up to date: making it anew."
    rm -rf "$venv"
  fi
  say "Making .venv ..."
  "$python" -m venv "$venv" || { say "No .venv could be made in $root."; exit 1; }
  if fill "$1"; then return; fi
  say "The installation failed; the lines above say why. The next ./run begins anew."
  : >"$venv/.unfinished"
  exit 1
}

# Leaves .unfinished behind when it may have left .venv in pieces.
fill() {
  say "Installing $1 dependencies (once) ..."
  : >"$venv/.unfinished" || return 1
  if ! pip_ install --quiet --no-deps --require-hashes -r "$lock"; then
    # pip fetches everything before it touches anything: most often all is as it was
    if whole >/dev/null; then rm -f "$venv/.unfinished"; fi
    return 1
  fi
  pip_ install --quiet --no-deps --no-build-isolation -e "$root" &&
    whole >&2 &&
    printf '%s' "$root" >"$venv/.place" &&
    printf '%s\n' "$sum" >"$venv/.installed-$1" &&
    rm -f "$venv/.unfinished"
}

# Says what is missing or contradicts, and nothing when nothing does.
whole() {
  broken=$(pip_ check 2>&1) || { printf '%s\n' "$broken"; return 1; }
}

# Somebody's settings for pip outside of environments mean nothing in here.
pip_() (
  unset PIP_USER PIP_TARGET PIP_PREFIX PIP_NO_BINARY PYTHONHOME PYTHONPATH
  exec "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"
)
