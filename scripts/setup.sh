#!/usr/bin/env bash
# Installs what building and running vulcyte needs and is not there yet. Usage: scripts/setup.sh [--tests]
#   --tests   also what only the tests need: cmocka, validation layers, spirv-cross, the SwiftShader driver
# Knows Debian 12, Debian 13+ and Ubuntu 24.04+; as root or through sudo. Elsewhere it names what is missing.
# Does nothing, quickly, when all is present.
set -euo pipefail

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  say "error: $*"
  exit 1
}

with_tests=0
for arg in "$@"; do
  case "$arg" in
    --tests) with_tests=1 ;;
    -h | --help)
      sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) die "unknown argument '$arg'; the only one is --tests" ;;
  esac
done

distro=other
release=0
if [ -r /etc/os-release ]; then
  # shellcheck source=/dev/null
  distro=$(. /etc/os-release && echo "${ID:-other}")
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "${VERSION_ID:-999}") # testing and sid carry no number
fi

# Packages taken from Debian 13 bring its base-files along, which then calls a Debian 12 machine 13: the pin file tells.
trixie_pin=/etc/apt/preferences.d/vulcyte-trixie
on_bookworm=0
if [ "$distro" = debian ] && { [ "$release" = 12 ] || [ -f "$trixie_pin" ]; }; then
  on_bookworm=1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi

# Package and the oldest version that will do, by where Debian 12 has to take it from.
base_packages='build-essential 0
cmake 3.25
ninja-build 0
pkg-config 0
libpng-dev 0
libtiff-dev 0
libcjson-dev 0
zlib1g-dev 0'
mesa_packages='mesa-vulkan-drivers 23.3'
vulkan_packages='libvulkan1 1.3.261
libvulkan-dev 1.3.261
libvulkan-volk-dev 0
glslang-tools 13
spirv-tools 2023.3'
if [ "$with_tests" = 1 ]; then
  base_packages+=$'\nlibcmocka-dev 0'
  vulkan_packages+=$'\nspirv-cross 0\nvulkan-validationlayers 1.3.261'
fi

# Prints those of the listed packages ("name version" lines) that are absent or too old.
missing_of() {
  local name want have
  declare -A installed=()
  while read -r name have; do
    installed[${name%%:*}]=$have
  done <<<"$(dpkg-query -W -f='${binary:Package} ${db:Status-Status} ${Version}\n' | awk '$2 == "installed" {print $1, $3}')"
  while read -r name want; do
    have=${installed[$name]:-}
    if [ -z "$have" ] || { [ "$want" != 0 ] && dpkg --compare-versions "$have" lt "$want"; }; then
      echo "$name"
    fi
  done <<<"$1"
}

need_root() {
  if [ "${#as_root[@]}" -gt 0 ] && ! command -v sudo >/dev/null; then
    die "not root and no sudo; have an administrator install: $*"
  fi
}

# shellcheck disable=SC2120 # the arguments are optional
apt_update() {
  need_root "$all_missing"
  "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 ||
    say "the package lists could not all be refreshed; going on with those there are"
}

apt_install() { # apt_install [-t SUITE] PACKAGE...
  say "installing: $*"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confold --no-install-recommends install "$@" >&2
}

# shellcheck disable=SC2016 # apt-get's own placeholders
has_suite() {
  [ -n "$(apt-get indextargets --format '$(CODENAME)' 'Identifier: Packages' "Codename: $1" 2>/dev/null)" ]
}

# Adds Debian suite $1 by copying the entry this machine already has for bookworm's own archive, with the suite's name
# replaced: the mirror, its options and its keys stay what the administrator chose.
# shellcheck disable=SC2016 # apt-get's own placeholders
add_suite() {
  local suite=$1 entry file number target=/etc/apt/sources.list.d/vulcyte-$1
  if has_suite "$suite"; then
    return 0
  fi
  entry=$(apt-get indextargets --format '$(SOURCESENTRY)' 'Identifier: Packages' 'Codename: bookworm' 'Origin: Debian' \
    'Component: main' 2>/dev/null | head -n 1)
  if [ -z "$entry" ]; then
    say "no source for Debian bookworm found to derive $suite from"
    return 1
  fi
  file=${entry%:*}
  number=${entry##*:}
  say "adding suite $suite, derived from $file"
  case "$file" in
    *.sources)
      target+=.sources
      grep -v '^#' "$file" | awk -v RS= -v n="$number" 'NR == n' | awk -v suite="$suite" '
        /^[^ \t]/ { field = tolower($1) }
        field == "types:" || field == "suites:" || field == "components:" || field == "enabled:" { next }
        { print }
        END { print "Types: deb\nSuites: " suite "\nComponents: main" }' |
        "${as_root[@]}" tee "$target" >/dev/null
      ;;
    *)
      target+=.list
      sed -n "${number}p" "$file" | sed -E "s/^([[:space:]]*deb([[:space:]]+\[[^]]*\])?[[:space:]]+[^[:space:]]+[[:space:]]+)bookworm[[:space:]].*/\1$suite main/" |
        "${as_root[@]}" tee "$target" >/dev/null
      ;;
  esac
  if [ "$suite" = trixie ]; then
    printf '%s\n' 'Explanation: from vulcyte scripts/setup.sh: nothing comes from Debian 13 unless asked for by name.' \
      'Explanation: when upgrading this machine to Debian 13, remove this file and sources.list.d/vulcyte-*' \
      'Package: *' 'Pin: release n=trixie' 'Pin-Priority: 50' | "${as_root[@]}" tee "$trixie_pin" >/dev/null
  fi
}

words() { tr '\n' ' ' <<<"$1"; }

install_debian_packages() {
  local base mesa vulkan
  base=$(missing_of "$base_packages")
  mesa=$(missing_of "$mesa_packages")
  vulkan=$(missing_of "$vulkan_packages")
  all_missing=$(words "$base $mesa $vulkan")
  if [ -z "$base$mesa$vulkan" ]; then
    return 0
  fi
  apt_update
  if [ "$on_bookworm" = 1 ]; then
    if [ -n "$mesa" ]; then add_suite bookworm-backports || true; fi
    if [ -n "$vulkan" ]; then
      add_suite trixie || true
      say "the Vulkan tools come from Debian 13, with the C library they need; the rest of the system stays Debian 12"
    fi
    if [ -n "$mesa$vulkan" ]; then apt_update; fi
    # shellcheck disable=SC2086 # lists of package names
    {
      [ -z "$base" ] || apt_install $base || die "install by hand: $(words "$base")"
      [ -z "$mesa" ] || apt_install -t bookworm-backports $mesa ||
        { say "no newer Mesa to be had: training on the CPU will be slow" && apt_install $mesa; } ||
        die "install by hand: $(words "$mesa")"
      [ -z "$vulkan" ] || apt_install -t trixie $vulkan ||
        die "install by hand, as Debian 13 has them or from the LunarG Vulkan SDK: $(words "$vulkan")"
    }
  else
    # shellcheck disable=SC2086
    apt_install $base $mesa $vulkan || die "install by hand: $all_missing"
  fi
  local still
  still=$(missing_of "$base_packages"$'\n'"$mesa_packages"$'\n'"$vulkan_packages" | grep -v '^mesa-' || true)
  [ -z "$still" ] || die "this system's own packages are too old or absent; install newer ones of: $(words "$still")"
}

check_other_system() {
  local tool missing=()
  for tool in cc cmake ninja pkg-config spirv-val; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  command -v glslang >/dev/null || command -v glslangValidator >/dev/null || missing+=(glslang)
  for tool in libpng libtiff-4 libcjson zlib; do
    pkg-config --exists "$tool" 2>/dev/null || missing+=("$tool")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    die "no recipe for this system; install these, volk and a Vulkan driver with its package manager: ${missing[*]}"
  fi
}

# SwiftShader, a second Vulkan driver for the CPU, comes inside an npm package. The tests run without it, more thinly.
swiftshader_version=147.0.0
install_swiftshader() {
  local dir=${XDG_CACHE_HOME:-$HOME/.cache}/vulcyte/swiftshader work
  if [ -f "$dir/vk_swiftshader_icd.json" ] && [ -f "$dir/libvk_swiftshader.so" ]; then
    return 0
  fi
  if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    say "SwiftShader is packaged for x86-64 Linux only: its tests will be skipped"
    return 0
  fi
  if ! command -v npm >/dev/null && command -v apt-get >/dev/null; then
    all_missing=npm
    apt_update
    if [ "$on_bookworm" = 1 ]; then # Debian 12's own no longer fit beside what came from Debian 13
      apt_install -t trixie nodejs npm || apt_install nodejs npm || true
    else
      apt_install nodejs npm || true
    fi
  fi
  if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    say "no npm, so no SwiftShader: its tests will be skipped"
    return 0
  fi
  say "fetching SwiftShader"
  work=$(mktemp -d)
  if ! (cd "$work" && npm pack --fetch-retries=1 "@sparticuz/chromium@$swiftshader_version" >pack.log 2>&1 </dev/null &&
    tar -xzf ./*.tgz package/bin/swiftshader.tar.br &&
    node -e 'const fs = require("fs"), z = require("zlib");
             fs.writeFileSync("s.tar", z.brotliDecompressSync(fs.readFileSync("package/bin/swiftshader.tar.br")));' &&
    mkdir out && tar -xf s.tar -C out && [ -f out/vk_swiftshader_icd.json ] && [ -f out/libvk_swiftshader.so ]); then
    say "SwiftShader could not be fetched through npm, so its tests will be skipped: $(grep -im 1 error "$work/pack.log" || true)"
    rm -rf "$work"
    return 0
  fi
  mkdir -p "$dir"
  cp "$work"/out/libvk_swiftshader.so "$dir"/
  cp "$work"/out/vk_swiftshader_icd.json "$dir"/ # last: its presence says that all is there
  rm -rf "$work"
}

all_missing=
case "$distro" in
  debian | ubuntu) install_debian_packages ;;
  *)
    if command -v apt-get >/dev/null; then install_debian_packages; else check_other_system; fi
    ;;
esac
if [ "$with_tests" = 1 ]; then
  install_swiftshader
fi
