#!/bin/sh
# Sets up a fresh machine: npm packages, a GPU driver where there is none, the program. Run it again at any time; where
# nothing is missing it only rebuilds the program.
set -eu
cd "$(dirname "$0")"

# Mesa prints an error for each device where this is unset.
: "${XDG_RUNTIME_DIR:=${TMPDIR:-/tmp}}"
export XDG_RUNTIME_DIR

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# 1. Node and the npm packages, those of package-lock.json exactly.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  fail "Node and npm are missing: install Node 20.10 or newer, https://nodejs.org"
fi
node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 20 || (major === 20 && minor >= 10) ? 0 : 1)' ||
  fail "Node $(node --version) is too old: install 20.10 or newer, https://nodejs.org"
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ -n "$(find package-lock.json -newer "$installed")" ]; then
  # onnxruntime-node, which tests use, would fetch CUDA libraries from elsewhere.
  ONNXRUNTIME_NODE_INSTALL=skip npm ci
  touch "$installed" # where package-lock.json is newer but equal, npm leaves the old date
fi

# 2. A driver. What counts is whether Dawn finds an adapter, not which files lie where.
#    Returns 0: yes, 1: no, anything else: Dawn itself does not run.
has_adapter() {
  node --input-type=module -e '
const { create, globals } = await import("webgpu");
Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
process.exit(adapter === null ? 1 : 0);' >/dev/null 2>"$log" && return 0
  status=$?
  # An uncaught error of Node is 1 as well, but leaves a trace.
  if [ "$status" -eq 1 ] && grep -q '^Node.js v' "$log"; then return 2; fi
  return "$status"
}

# Does a Vulkan driver of a GPU or a processor announce itself?
has_driver_file() {
  [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && return 0
  for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d /usr/local/share/vulkan/icd.d; do
    for file in "$folder"/*.json; do
      [ -e "$file" ] && return 0
    done
  done
  return 1
}

has_loader() {
  for file in /lib/*/libvulkan.so.1 /usr/lib/*/libvulkan.so.1 /usr/lib/libvulkan.so.1 /usr/lib64/libvulkan.so.1; do
    [ -e "$file" ] && return 0
  done
  return 1
}

# The commands that install the packages "$@", one a line, for root.
commands() {
  if command -v apt-get >/dev/null; then
    suite=
    # Debian 12 has Mesa 22, which Dawn refuses; its backports have 25.
    if [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = bookworm ]; then
      suite="-t bookworm-backports "
      grep -rqs bookworm-backports /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources ||
        echo "echo 'deb http://deb.debian.org/debian bookworm-backports main' > /etc/apt/sources.list.d/bookworm-backports.list"
    fi
    echo "apt-get update"
    echo "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $suite$*"
  elif command -v dnf >/dev/null; then
    echo "dnf install -y mesa-vulkan-drivers vulkan-loader"
  elif command -v pacman >/dev/null; then
    echo "pacman -S --needed vulkan-swrast vulkan-icd-loader"
  fi
}

# Installs the packages "$@" where this may be done without asking, else prints how to and exits.
install() {
  list=$(commands "$@")
  [ -n "$list" ] || fail "Install your distribution's Vulkan loader and a Vulkan driver, then run this again"
  if ! command -v apt-get >/dev/null; then as=no
  elif [ "$(id -u)" -eq 0 ]; then as=
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as="sudo -n"
  else as=no
  fi
  if [ "$as" = no ]; then
    say "No Vulkan driver that Dawn can use. Run as root, then run this again:"
    printf '%s\n' "$list" | sed 's/^/  /' >&2
    exit 1
  fi
  say "Installing $*"
  printf '%s\n' "$list" | while IFS= read -r line; do
    # No standard input: the lines still to come are on it.
    $as sh -c "$line" </dev/null >"$log" 2>&1 || {
      tail -n 5 "$log" >&2
      fail "This command failed: $line"
    }
  done
}

check() {
  status=0
  has_adapter || status=$?
  if [ "$status" -gt 1 ]; then
    grep -E '^(Error|\[cause\]|.*cannot open shared|.*GLIBC)' "$log" >&2 || tail -n 5 "$log" >&2
    fail "Dawn (npm package webgpu) does not run here"
  fi
  return "$status"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! check; then
  [ "$(uname -s)" = Linux ] || fail "No GPU that WebGPU can use"
  found=no
  # A GPU's driver without the loader that finds it needs no second driver.
  if has_driver_file && ! has_loader && command -v apt-get >/dev/null; then
    install libvulkan1
    if check; then found=yes; fi
  fi
  if [ "$found" = no ]; then
    install mesa-vulkan-drivers libvulkan1
    check || fail "A Vulkan driver is installed, but Dawn finds no adapter: it needs Mesa 23 or newer, or a GPU vendor's \
driver; VK_DRIVER_FILES can name its JSON file"
  fi
fi

# 3. The program: dist/allcnn.js, which npx allcnn runs.
npm run -s build
