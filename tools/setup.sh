#!/usr/bin/env bash
# Installs what is missing: the Debian packages of every NEED (tools/packages.txt), and for the need
# `torch` also LibTorch. Prints LibTorch's folder on standard output, everything else on standard
# error. Does nothing, within a tenth of a second, where all is there.
#
#   tools/setup.sh NEED...
#
# LibTorch is taken from LIBTORCH (an unpacked one), else from CMAKE_PREFIX_PATH, else from a private
# Python environment in ${XDG_CACHE_HOME:-~/.cache}/runner, which every clone of this user shares.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
torch_version=2.13.0

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }

# missing PACKAGE...: those that dpkg does not report as installed, one a line.
missing() {
  dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null |
    awk 'NR == FNR { wanted[NR] = $1; next }
      $1 == "ii" { have[$2] }
      END { for (i = 1; i in wanted; ++i) if (!(wanted[i] in have)) print wanted[i] }' \
      <(printf '%s\n' "$@") -
}

install_packages() {
  local wanted absent sudo=()
  mapfile -t wanted < <(awk -v needs=" $* " '
    !/^#/ && index(needs, " " $1 " ") { for (i = 2; i <= NF; i++) print $i }' "$here/packages.txt")
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "setup: not a Debian system; what CMake does not find, name in CMAKE_PREFIX_PATH"
    return
  fi
  mapfile -t absent < <(missing "${wanted[@]}")
  ((${#absent[@]})) || return 0
  if (($(id -u) != 0)); then
    if command -v sudo >/dev/null; then
      sudo=(sudo)
    elif [[ -n ${CMAKE_PREFIX_PATH:-} ]]; then
      say "setup: not installed, for want of root or sudo: ${absent[*]}; going on with CMAKE_PREFIX_PATH"
      return
    else
      die "these Debian packages are missing, and there is neither root nor sudo to install them:
  apt-get install ${absent[*]}"
    fi
  fi
  say "setup: installing ${absent[*]}"
  local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q)
  "${apt[@]}" update >&2 || say "setup: apt-get update failed; trying with the lists as they are"
  "${apt[@]}" install -y --no-install-recommends "${absent[@]}" >&2 ||
    die "apt-get could not install ${absent[*]}"
}

# is_libtorch DIR: DIR holds LibTorch's headers and library.
is_libtorch() { [[ -e $1/include/torch/csrc/api/include/torch/torch.h && -e $1/lib/libtorch.so ]]; }

# A Python whose venv module works: Debian's before whatever else stands first in PATH.
find_python() {
  local python
  for python in /usr/bin/python3 python3; do
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  die "no python3 here can make a virtual environment (Debian: apt-get install python3-venv);
  or unpack LibTorch and name its folder: make LIBTORCH=/path/to/libtorch"
}

# The shared environment. `complete` is written last: an environment without it is made anew.
install_libtorch() {
  [[ -n ${XDG_CACHE_HOME:-}${HOME:-} ]] || die "neither XDG_CACHE_HOME nor HOME says where to keep LibTorch"
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/runner
  local venv=$cache/torch-$torch_version python
  if [[ ! -e $venv/complete ]]; then
    python=$(find_python)
    mkdir -p "$cache"
    (
      flock 9  # another clone may be installing it right now
      [[ ! -e $venv/complete ]] || exit 0
      say "setup: installing LibTorch $torch_version into $venv"
      rm -rf "$venv"
      "$python" -m venv "$venv" &&
        "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
          "torch==$torch_version" &&
        touch "$venv/complete"
    ) 9>"$cache/lock" >&2 || die "LibTorch $torch_version could not be installed into $venv;
  unpack one yourself and name its folder: make LIBTORCH=/path/to/libtorch"
  fi
  echo "$venv"/lib/python3*/site-packages/torch
}

find_libtorch() {
  local prefix
  if [[ -n ${LIBTORCH:-} ]]; then
    is_libtorch "$LIBTORCH" || die "LIBTORCH=$LIBTORCH: no include/torch and lib/libtorch.so in it"
    (cd "$LIBTORCH" && pwd)
    return
  fi
  while IFS= read -r prefix; do
    prefix=${prefix%/}
    prefix=${prefix%/share/cmake*}
    if [[ -n $prefix ]] && is_libtorch "$prefix"; then
      echo "$prefix"
      return
    fi
  done < <(tr ':;' '\n\n' <<<"${CMAKE_PREFIX_PATH:-}")
  install_libtorch
}

install_packages "$@"
[[ " $* " != *" torch "* ]] || find_libtorch
