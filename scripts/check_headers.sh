#!/usr/bin/env bash
# Fails if a public header does not compile by itself, as C11 and as C++.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bad=0
for header in include/vulcyte/*.h; do
  name=vulcyte/$(basename "$header")
  for language in c:c11:"${CC:-cc}" c++:c++17:"${CXX:-c++}"; do
    IFS=: read -r kind standard compiler <<<"$language"
    if ! echo "#include <$name>" |
      "$compiler" -x "$kind" -std="$standard" -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -; then
      printf 'headers: %s does not compile alone as %s\n' "$header" "$standard" >&2
      bad=1
    fi
  done
done
exit "$bad"
