#!/usr/bin/env bash
# Downloads public image sets from their own sites, checks and unpacks them, and says how to import them.
# Usage: scripts/fetch_datasets.sh [--to DIR] [--mirror URL] SET...
#   SET           phc, gowt1, bbbc039, dsb2018, bigbrain, or all; without one they are listed with their conditions of use
#   --to DIR      where the sets go (default: datasets); archives are kept in DIR/downloads
#   --mirror URL  take the archives by their names from URL (also file:///...) instead of the sites
# An archive that lies in DIR/downloads already is checked and used. The sites may have changed their conditions: read them there.
set -euo pipefail

say() { printf 'fetch_datasets: %s\n' "$*" >&2; }

all=(phc gowt1 bbbc039 dsb2018 bigbrain)
ctc=https://data.celltrackingchallenge.net/training-datasets
bbbc=https://data.broadinstitute.org/bbbc
bigbrain=https://ftp.bigbrainproject.org/bigbrain-ftp/BigBrainRelease.2015

# The archives of a set, one a line: URL, and its checksum where one is known, else "-".
archives() {
  case "$1" in
    phc) echo "$ctc/PhC-C2DH-U373.zip sha256:b18185c18fce54e8eeb93e4bbb9b201d757add9409bbf2283b8114185a11bc9e" ;;
    gowt1) echo "$ctc/Fluo-N2DH-GOWT1.zip sha256:1a7bd9a7d1d10c4122c7782427b437246fb69cc3322a975485c04e206f64fc2c" ;;
    bbbc039)
      echo "$bbbc/BBBC039/images.zip sha256:6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7"
      echo "$bbbc/BBBC039/masks.zip sha256:f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710"
      echo "$bbbc/BBBC039/metadata.zip sha256:a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2"
      ;;
    dsb2018) echo "$bbbc/BBBC038/stage1_train.zip -" ;;
    bigbrain)
      echo "$bigbrain/3D_Volumes/Histological_Space/nii/full8_200um_optbal.nii.gz -"
      echo "$bigbrain/3D_Classified_Volumes/Histological_Space/nii/full_cls_200um_9classes.nii.gz md5:fb7a8c99a380cbc5b0aa552ffca59dcc"
      ;;
    *) return 1 ;;
  esac
}

describe() {
  case "$1" in
    phc | gowt1)
      if [ "$1" = phc ]; then
        echo "phc: Cell Tracking Challenge PhC-C2DH-U373, phase contrast, two sequences of glioblastoma cells"
      else
        echo "gowt1: Cell Tracking Challenge Fluo-N2DH-GOWT1, GFP in the nuclei of mouse stem cells, two sequences"
      fi
      echo "  site:  https://celltrackingchallenge.net/2d-datasets/"
      echo "  terms: cite the challenge's papers and name it as the source; for scientific work outside of the challenge ask the"
      echo "         data's providers, for commercial use also the organisers (conditions at the end of the site's page)"
      ;;
    bbbc039)
      echo "bbbc039: 200 fields of U2OS nuclei, Hoechst, with masks and lists for training, validation and test"
      echo "  site:  https://bbbc.broadinstitute.org/BBBC039"
      echo "  terms: CC0 1.0, any use; cite Caicedo et al. 2019 (doi:10.1002/cyto.a.23863) and Ljosa et al. 2012"
      ;;
    dsb2018)
      echo "dsb2018: BBBC038, stage 1 of the 2018 Data Science Bowl, 670 images of nuclei of many kinds, a mask file a nucleus"
      echo "  site:  https://bbbc.broadinstitute.org/BBBC038"
      echo "  terms: CC0 1.0, any use; cite Caicedo et al. 2019 (doi:10.1038/s41592-019-0612-7)"
      ;;
    bigbrain)
      echo "bigbrain: human brain, histology at 200 um and its classification into 9 tissues (90 MB)"
      echo "  site:  https://bigbrainproject.org"
      echo "  terms: CC BY-NC-SA 4.0: not for commercial use, share alike; cite Amunts et al. 2013 (doi:10.1126/science.1235381)"
      ;;
  esac
}

import_command() { # import_command SET FOLDER
  case "$1" in
    phc | gowt1) echo "vulcyte import ctc $2 --out data/$1" ;;
    bbbc039) echo "vulcyte import bbbc039 $2 --out data/$1" ;;
    dsb2018) echo "vulcyte import folder $2 --out data/$1" ;;
    bigbrain)
      echo "vulcyte import bigbrain $2/full8_200um_optbal.nii.gz $2/full_cls_200um_9classes.nii.gz --out data/$1 --slices 3479 --size 770x605"
      ;;
  esac
}

download() { # download URL FILE: the whole file or none
  local url=$1 file=$2 part=$2.part
  if command -v curl >/dev/null; then
    curl --fail --location --silent --show-error --connect-timeout 20 --retry 2 -C - -o "$part" "$url" || return 1
  elif command -v wget >/dev/null; then
    wget --continue --no-verbose --timeout=20 --tries=3 -O "$part" "$url" || return 1
  else
    say "neither curl nor wget is installed"
    return 1
  fi
  mv "$part" "$file"
}

digest() { # digest KIND FILE
  case "$1" in
    sha256) if command -v sha256sum >/dev/null; then sha256sum "$2"; else shasum -a 256 "$2"; fi | cut -d ' ' -f 1 ;;
    md5) if command -v md5sum >/dev/null; then md5sum "$2" | cut -d ' ' -f 1; else md5 -q "$2"; fi ;;
  esac
}

check() { # check FILE CHECKSUM
  local kind=${2%%:*} want=${2#*:} got
  if [ "$2" = - ]; then
    say "$1: no checksum is known for it; not checked"
    return 0
  fi
  got=$(digest "$kind" "$1")
  if [ "$got" = "$want" ]; then return 0; fi
  say "error: $1: $kind is $got, not $want: damaged, or changed by its site; remove it to download it again"
  return 1
}

unpack() { # unpack ZIP FOLDER
  if command -v unzip >/dev/null; then
    unzip -q -o "$1" -d "$2"
  elif command -v bsdtar >/dev/null; then
    bsdtar -x -f "$1" -C "$2"
  elif command -v python3 >/dev/null; then
    python3 -m zipfile -e "$1" "$2"
  else
    say "error: none of unzip, bsdtar and python3 is installed"
    return 1
  fi
}

# The name under which an archive is kept: BBBC039's are called as other sets' could be, too.
kept_name() { # kept_name SET URL
  if [ "$1" = bbbc039 ]; then echo "BBBC039_$(basename "$2")"; else basename "$2"; fi
}

get_archive() { # get_archive SET URL CHECKSUM
  local file from=$2
  file=$to/downloads/$(kept_name "$1" "$2")
  if [ -n "$mirror" ]; then from=$mirror/$(basename "$file"); fi
  if [ ! -f "$file" ]; then
    say "$1: $from"
    if ! download "$from" "$file" 2>"$to/downloads/.log"; then
      say "error: $from cannot be fetched: $(tail -n 1 "$to/downloads/.log")"
      say "  get it by other means, put it at $file, and run this again"
      return 1
    fi
  fi
  check "$file" "$3"
}

fetch() { # fetch SET: its folder appears whole or not at all
  local set=$1 folder=$to/$1 url checksum file
  if [ -e "$folder" ]; then
    say "$folder is there already"
    import_command "$set" "$folder"
    return
  fi
  while read -r url checksum; do get_archive "$set" "$url" "$checksum" || return 1; done < <(archives "$set")
  rm -rf "$folder.part" && mkdir -p "$folder.part" || return 1
  while read -r url checksum; do
    file=$to/downloads/$(kept_name "$set" "$url")
    case "$file" in
      *.zip) unpack "$file" "$folder.part" || return 1 ;;
      *) cp "$file" "$folder.part/" || return 1 ;;
    esac
  done < <(archives "$set")
  mv "$folder.part" "$folder" || return 1
  import_command "$set" "$folder"
}

to=datasets
mirror=
sets=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help)
      sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    --to | --mirror)
      if [ $# -lt 2 ]; then
        say "error: $1 needs a value"
        exit 2
      fi
      if [ "$1" = --to ]; then to=$2; else mirror=${2%/}; fi
      shift
      ;;
    all) sets+=("${all[@]}") ;;
    *)
      if ! archives "$1" >/dev/null; then
        say "error: no set '$1'; there are ${all[*]} and all"
        exit 2
      fi
      sets+=("$1")
      ;;
  esac
  shift
done

if [ ${#sets[@]} = 0 ]; then
  for set in "${all[@]}"; do describe "$set"; done
  exit 0
fi
mkdir -p "$to/downloads"
n_failed=0
for set in "${sets[@]}"; do
  describe "$set" >&2
  fetch "$set" || n_failed=$((n_failed + 1))
done
rm -f "$to/downloads/.log"
if [ "$n_failed" -gt 0 ]; then
  say "error: $n_failed of ${#sets[@]} sets are not there"
  exit 1
fi
