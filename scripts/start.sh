#!/bin/sh
# Runs allcnn on an x86-64 Linux machine that has neither Node nor a network. The first start checks the parts beside
# this file against manifest.txt and unpacks them; later ones unpack what has come since.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
manifest=$here/manifest.txt

say() { printf 'start.sh: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

usage='Usage: sh start.sh COMMAND [ARGUMENTS]      an allcnn command, as: train configs/quickstart.yaml
       sh start.sh --check [NAME...]         the tests of kernels and training on this GPU; NAME: files that contain it
       sh start.sh --gpu [OPTIONS]           bench/gpu.sh: checks, tuning, benchmarks, a slice of training
       sh start.sh --doctor                  what the machine has, and which Vulkan drivers load
       sh start.sh --node FILE [ARGUMENTS]   a script in the Node of the bundle

configs/... and data/... name files of the bundle where the working directory has none of that name.'

# --- Unpacking -------------------------------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1; }

sha256_of() {
  if has sha256sum; then
    set -- "$(sha256sum <"$1")"
    printf '%s\n' "${1%% *}"
  else
    python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"
  fi
}

# Compares the files of archive $1 with the manifest. Returns 1 where a file of data is not here: data are optional.
check_parts() {
  while read -r sha bytes archive file; do
    [ "$archive" = "$1" ] || continue
    if [ ! -f "$here/$file" ]; then
      case $archive in data*) return 1 ;; esac
      fail "$file is missing in $here: copy all parts of the bundle there"
    fi
    found=$(wc -c <"$here/$file" | tr -d ' ')
    [ "$found" -eq "$bytes" ] || fail "$file is damaged: it has $found bytes instead of $bytes; copy it again"
    [ "$(sha256_of "$here/$file")" = "$sha" ] || fail "$file is damaged: its SHA-256 differs; copy it again"
  done <"$manifest"
}

# The bytes of archive $1, from its one file or its pieces.
archive_bytes() {
  while read -r _ _ archive file; do
    if [ "$archive" = "$1" ]; then cat -- "$here/$file"; fi
  done <"$manifest"
}

unpack_stream='
import lzma, sys, tarfile
with lzma.open(sys.stdin.buffer) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
    archive.extractall(sys.argv[1], **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))'

# Unpacks archive $1 into the folder of this file.
unpack() {
  if has xz && has tar; then
    archive_bytes "$1" | xz -dc | tar -xf - -C "$here"
  elif python3 -c 'import lzma, tarfile' 2>/dev/null; then
    archive_bytes "$1" | python3 -c "$unpack_stream" "$here"
  else
    fail "Cannot unpack: install xz and tar (Debian: xz-utils), or Python 3 with its module lzma"
  fi || fail "Cannot unpack $1 into $here, see the line above"
}

# Unpacks what the manifest lists and has not been unpacked before; done/ holds the lines of what has.
unpack_all() {
  [ -f "$manifest" ] || fail "manifest.txt is missing in $here: copy all files of the bundle there"
  absent=
  for wanted in $(sed -n 's/^[0-9a-f]* [0-9]* \([^ ]*\) .*/\1/p' "$manifest" | uniq); do
    lines=$(grep " $wanted " "$manifest")
    mark=$here/.unpacked/$wanted
    if [ -f "$mark" ] && [ "$(cat "$mark")" = "$lines" ]; then continue; fi
    has sha256sum || has python3 || fail "Cannot check the parts: install sha256sum (Debian: coreutils) or Python 3"
    if ! check_parts "$wanted"; then
      absent="$absent $wanted"
      continue
    fi
    mkdir -p "$here/.unpacked" 2>/dev/null || fail "Cannot write into $here: copy the bundle to a folder of your own"
    lock
    say "Unpacking $wanted"
    unpack "$wanted"
    printf '%s\n' "$lines" >"$mark"
  done
  if [ -n "${locked:-}" ]; then
    rmdir "$locked"
    locked=
    [ -z "$absent" ] || say "Not here, so left out:$absent"
    # The first use of the binary: a message of the system's loader is worth more than a crash later.
    "$here/runtime/node" --version >/dev/null || fail "Node does not start, see above. $(sed -n '1s/^# //p' "$manifest")"
  fi
}

# Two first starts at a time would write the same files.
lock() {
  [ -z "${locked:-}" ] || return 0
  mkdir "$here/.unpacking" 2>/dev/null ||
    fail "Another start is unpacking; if none is, remove $here/.unpacking and try again"
  locked=$here/.unpacking
  trap '[ -z "$locked" ] || rmdir "$locked"' EXIT
  trap 'exit 130' INT TERM
}

# --- Drivers ---------------------------------------------------------------------------------------------------------

# Does the system, or LD_LIBRARY_PATH, have the shared library $1? In a subshell, as its variables are its own.
has_library() (
  IFS=:
  for place in ${LD_LIBRARY_PATH:-} /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64; do
    if [ -e "$place/$1" ]; then exit 0; fi
  done
  { ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | grep -q "^[[:space:]]*$1 .*x86-64"
)

# Where the system has no such library, the bundle's; each is in a folder of its own, so that none hides the system's.
use_libraries() {
  # Containers mount NVIDIA's driver here, not always where the loader looks.
  for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/wsl/lib; do
    if [ -e "$folder/libGLX_nvidia.so.0" ] && ! has_library libGLX_nvidia.so.0; then
      LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    fi
  done
  lent=
  for folder in "$here"/runtime/lib/*; do
    if [ -d "$folder" ] && ! has_library "${folder##*/}"; then lent=$lent:$folder; fi
  done
  if [ -n "$lent" ]; then LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH}$lent; fi
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH#:}
  if [ -n "$LD_LIBRARY_PATH" ]; then export LD_LIBRARY_PATH; else unset LD_LIBRARY_PATH; fi
}

# The JSON files of drivers in the folders "$@", one a line.
driver_files() (
  for folder in "$@"; do
    for file in "$folder"/*.json; do
      if [ -e "$file" ]; then printf '%s\n' "$file"; fi
    done
  done
)

usual_drivers() { driver_files /usr/share/vulkan/icd.d /etc/vulkan/icd.d /usr/local/share/vulkan/icd.d; }

# Where Vulkan's loader would not find NVIDIA's driver by itself, names it, beside the drivers that it would find.
find_driver() {
  [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
  ! usual_drivers | grep -qi nvidia || return 0
  more=$(driver_files /usr/local/nvidia/share/vulkan/icd.d /usr/local/nvidia/vulkan/icd.d /usr/lib/wsl/share/vulkan/icd.d \
    /run/opengl-driver/share/vulkan/icd.d /usr/lib/x86_64-linux-gnu/nvidia/vulkan/icd.d)
  if [ -z "$more" ] && has_library libGLX_nvidia.so.0; then
    more=$here/cache/nvidia_icd.json # the driver's library came without its JSON file
    mkdir -p "$here/cache"
    printf '{ "file_format_version": "1.0.0", "ICD": { "library_path": "libGLX_nvidia.so.0", "api_version": "1.3.0" } }\n' \
      >"$more"
  fi
  [ -n "$more" ] || return 0
  VK_DRIVER_FILES=$({
    printf '%s\n' "$more"
    usual_drivers
  } | tr '\n' : | sed 's/:*$//')
  VK_ICD_FILENAMES=$VK_DRIVER_FILES # the name that loaders before 1.3.207 know
  export VK_DRIVER_FILES VK_ICD_FILENAMES
}

# --- Running ---------------------------------------------------------------------------------------------------------

# What the machine has. A driver's library that does not load is the usual reason why no GPU is found.
doctor() {
  sed -n 's/^# //p' "$manifest"
  printf 'System: %s' "$(uname -sr)"
  [ ! -r /etc/os-release ] || printf ', %s' "$(. /etc/os-release && printf %s "${PRETTY_NAME:-}")"
  printf ', %s\n' "$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "glibc unknown")"
  sed -n 's/^model name[[:space:]]*: /Processor: /p' /proc/cpuinfo 2>/dev/null | uniq -c | sed 's/^ *\([0-9]*\) /\1 x /'
  if has nvidia-smi; then
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem --format=csv,noheader ||
      echo "nvidia-smi fails"
  else
    echo "nvidia-smi: none"
  fi
  echo "LD_LIBRARY_PATH: ${LD_LIBRARY_PATH:-unset}"
  echo "VK_DRIVER_FILES: ${VK_DRIVER_FILES:-unset}"
  named=${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}}
  if [ -n "$named" ]; then printf '%s\n' "$named" | tr : '\n'; else usual_drivers; fi |
    "$here/runtime/node" "$here/program/doctor.js"
}

[ "$#" -gt 0 ] || set -- --help
case $1 in -h | --help) printf '%s\n\n' "$usage" ;; esac
[ "$(uname -sm)" = "Linux x86_64" ] || fail "This bundle runs on x86-64 Linux only, this is $(uname -sm)"
unpack_all
use_libraries
find_driver

: "${XDG_RUNTIME_DIR:=${TMPDIR:-/tmp}}" # Mesa prints an error for each device where this is unset
: "${ALLCNN_CACHE:=$here/cache}"
: "${HOME:=$here/cache}" # drivers keep compiled shaders there
export XDG_RUNTIME_DIR ALLCNN_CACHE HOME
if [ -z "${ALLCNN_DATA:-}" ] && [ -d "$here/data" ]; then
  ALLCNN_DATA=$here/data
  export ALLCNN_DATA
fi

# Configs and data of the bundle, from any working directory.
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  case $argument in
  configs/* | data | data/*) if [ ! -e "$argument" ] && [ -e "$here/$argument" ]; then argument=$here/$argument; fi ;;
  esac
  set -- "$@" "$argument"
  count=$((count - 1))
done

case $1 in
--check)
  shift
  exec "$here/runtime/node" "$here/program/check.js" "$@"
  ;;
--gpu)
  shift
  exec sh "$here/bench/gpu.sh" "$@"
  ;;
--doctor) doctor ;;
--node)
  shift
  exec "$here/runtime/node" "$@"
  ;;
*) exec "$here/runtime/node" "$here/program/allcnn.js" "$@" ;;
esac
