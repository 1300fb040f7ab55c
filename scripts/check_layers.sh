#!/usr/bin/env bash
# Fails if a file includes what its room must not know. The rooms and who may look into whom stand in the table below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# room: rooms whose headers (src/ROOM/*.h, include/vulcyte/ROOM.h) it may include besides its own.
# "caps" and "terms" are headers of plain data in include/vulcyte/; "shared" is shaders/shared/, the blocks that C and GLSL both read.
declare -A may=(
  [base]=''
  [caps]=''
  [gpu]='base caps'
  [graph]='base caps variant'
  [variant]='graph'
  [terms]=''
  [ops]='base caps terms graph variant shared'
  [nn]='base caps terms graph ops'
  [data]='base terms rows'
  [rows]='base data'
  [config]='base terms nn data'
  [train]='base caps terms gpu graph variant ops nn data rows config sweep export shared'
  [sweep]='base train'
  [export]='train'
  [bench]='base caps terms gpu graph variant ops nn data train shared'
  [doctor]='base caps terms gpu graph variant ops nn data train shared'
  [cli]='base caps terms gpu graph variant ops nn data rows train sweep export bench doctor'
)
# One file that may do more than its room.
declare -A file_may=(
  [src/graph/exec.c]='gpu'
)
# Third-party headers and the only place that may include each (a path prefix).
third_party='volk\.h|vulkan/|vk_mem_alloc src/gpu/
cJSON src/base/json.c
png\.h|pngconf src/data/image_png.c
tiff src/data/image_tiff
zlib\.h src/data/image_nifti.c'

bad=0
complain() {
  printf 'layering: %s\n' "$1" >&2
  bad=1
}

room_of_header() { # room_of_header FROM-FILE INCLUDED: prints the room, or nothing for a system header
  local from=$1 name=$2
  case "$name" in
    vulcyte/*)
      name=${name#vulcyte/}
      echo "${name%.h}"
      ;;
    shaders/shared/*) echo shared ;;
    base/* | gpu/* | graph/* | ops/* | nn/* | data/* | train/* | bench/* | doctor/* | cli/*) echo "${name%%/*}" ;;
    *)
      if [ -f "$(dirname "$from")/$name" ]; then room_of_file "$(dirname "$from")/$name"; fi
      ;;
  esac
}

room_of_file() {
  local path=$1
  case "$path" in
    include/vulcyte/*)
      path=${path#include/vulcyte/}
      echo "${path%.h}"
      ;;
    src/*)
      path=${path#src/}
      echo "${path%%/*}"
      ;;
  esac
}

include_line='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]([^>"]+)[>"]'
n_includes=0
while IFS=: read -r file _ line; do
  [[ "$line" =~ $include_line ]] || continue
  included=${BASH_REMATCH[1]}
  n_includes=$((n_includes + 1))
  from=$(room_of_file "$file")
  if [ -z "${may[$from]+known}" ]; then
    complain "$file: no room of that name in scripts/check_layers.sh"
    continue
  fi
  if [[ "$included" == *..* ]]; then complain "$file includes \"$included\": name another room's header as \"room/name.h\""; fi
  to=$(room_of_header "$file" "$included")
  if [ -n "$to" ] && [ "$to" != "$from" ] && [[ " ${may[$from]} ${file_may[$file]:-} " != *" $to "* ]]; then
    complain "$file includes \"$included\": $from must not know $to"
  fi
  while read -r pattern home; do
    if [[ "$included" =~ ^([a-z]*/)?($pattern) ]] && [[ "$file" != "$home"* ]] && [ -z "$to" ]; then
      complain "$file includes <$included>, whose only home is $home"
    fi
  done <<<"$third_party"
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' --include='*.[ch]' --include='*.def' include src)

if [ "$n_includes" = 0 ]; then complain "found no source"; fi
exit "$bad"
