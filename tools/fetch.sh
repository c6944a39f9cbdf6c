#!/usr/bin/env bash
# Downloads GLUE, RoBERTa-base and a small encoder from their public homes, checks them and lays them
# out as the specs expect. What is there and right is left alone; what broke off goes on where it stopped.
#
#   tools/fetch.sh glue|roberta-base|minilm-bert|all|TASK...      (TASK: CoLA, SST-2, MRPC, STS-B, QQP, ...)
#
#   all: GLUE and RoBERTa-base; minilm-bert: sentence-transformers/all-MiniLM-L6-v2 (6 x 384)
#
#   RUNNER_GLUE=DIR      where GLUE goes (data/glue)
#   RUNNER_MODELS=DIR    where models go (data/models)
#   FETCH_FROM=DIR       a folder that has the files already (RTE.zip, ..., model.safetensors): no network
#   FETCH_GLUE=URL       mirrors, instead of the public homes below
#   FETCH_MRPC=URL
#   FETCH_ROBERTA=URL
#   FETCH_MINILM=URL
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

glue=${RUNNER_GLUE:-data/glue}
models=${RUNNER_MODELS:-data/models}
glue_home=${FETCH_GLUE:-https://dl.fbaipublicfiles.com/glue/data}
mrpc_home=${FETCH_MRPC:-https://dl.fbaipublicfiles.com/senteval/senteval_data}
roberta_home=${FETCH_ROBERTA:-https://huggingface.co/FacebookAI/roberta-base/resolve/main}
minilm_home=${FETCH_MINILM:-https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main}

# Task, its archive, and each file with the number of its rows, the header not counted.
tasks='
CoLA  CoLA.zip       train.tsv:8551 dev.tsv:1043 test.tsv:1063
SST-2 SST-2.zip      train.tsv:67349 dev.tsv:872 test.tsv:1821
MRPC  -              train.tsv:3668 dev.tsv:408 test.tsv:1725
STS-B STS-B.zip      train.tsv:5749 dev.tsv:1500 test.tsv:1379
QQP   QQP-clean.zip  train.tsv:363846 dev.tsv:40430 test.tsv:390965
MNLI  MNLI.zip       train.tsv:392702 dev_matched.tsv:9815 dev_mismatched.tsv:9832 test_matched.tsv:9796 test_mismatched.tsv:9847
QNLI  QNLIv2.zip     train.tsv:104743 dev.tsv:5463 test.tsv:5463
RTE   RTE.zip        train.tsv:2490 dev.tsv:277 test.tsv:3000
WNLI  WNLI.zip       train.tsv:635 dev.tsv:71 test.tsv:146
AX    -              diagnostic.tsv:1104
'

say() { printf 'fetch: %s\n' "$*"; }
fail() { printf 'fetch: %s\n' "$*" >&2; exit 1; }

# fetch HOME NAME FOLDER: FOLDER/NAME, complete. A part of it stays as NAME.part for the next call.
fetch() {
  local home=$1 name=$2 folder=$3 part=$3/$2.part code
  [[ ! -e $folder/$name ]] || return 0
  mkdir -p "$folder"
  if [[ -n ${FETCH_FROM:-} ]]; then
    [[ -e $FETCH_FROM/$name ]] || fail "$FETCH_FROM has no $name"
    cp "$FETCH_FROM/$name" "$part"
  else
    say "$home/$name"
    # Slower than 1 kB/s for half a minute counts as broken off.
    local again=(--fail --location --silent --show-error --connect-timeout 20
      --speed-limit 1000 --speed-time "${FETCH_PATIENCE:-30}")
    for attempt in 1 2 3 4 5; do
      code=0
      curl "${again[@]}" --continue-at - --output "$part" "$home/$name" || code=$?
      case $code in
        0) break ;;
        22 | 33) # the server has no such part: all of it anew, if there was one
          [[ -e $part ]] || fail "$home/$name: not there"
          rm "$part" ;;
        *) sleep "${FETCH_PAUSE:-$attempt}" ;;
      esac
    done
    [[ $code == 0 ]] || fail "$home/$name: broke off (curl's code $code); the same command goes on"
  fi
  mv "$part" "$folder/$name"
}

# refuse FILE WHY: what came is not what was asked for; the next call downloads it anew.
refuse() {
  local begin
  begin=$(head -c 40 "$1" | tr -c '[:print:]' ' ')
  rm -f "$1"
  fail "$1: $2 (it begins: $begin)"
}

# rows FILE: its rows; CoLA's train and dev have no header.
rows() {
  local header=1
  [[ $1 == */CoLA/train.tsv || $1 == */CoLA/dev.tsv ]] && header=0
  awk -v header=$header 'END { print NR - header }' "$1"
}

# complete TASK FILE:ROWS...: whether all of a task is in its place.
complete() {
  local task=$1 file
  shift
  for file; do
    [[ -e $glue/$task/${file%:*} && $(rows "$glue/$task/${file%:*}") == "${file#*:}" ]] || return 1
  done
}

# MRPC from the original corpus: the pairs of mrpc_dev_ids.tsv are dev.
make_mrpc() {
  local from=$1 to=$2
  tr -d '\r' <"$from/msr_paraphrase_train.txt" | awk -F '\t' -v OFS='\t' -v to="$to" '
    NR == FNR { dev[$1, $2] = 1; next }
    FNR == 1 { print > (to "/train.tsv"); print > (to "/dev.tsv"); next }
    { print > (to (($2, $3) in dev ? "/dev.tsv" : "/train.tsv")) }' <(tr -d '\r' <"$from/mrpc_dev_ids.tsv") -
  tr -d '\r' <"$from/msr_paraphrase_test.txt" | awk -F '\t' -v OFS='\t' '
    NR == 1 { print "index", "#1 ID", "#2 ID", "#1 String", "#2 String"; next }
    { print NR - 2, $2, $3, $4, $5 }' >"$to/test.tsv"
}

fetch_task() {
  local task=$1 archive=$2 from=$glue/.fetch to=$glue/.fetch/$1 file count
  shift 2
  if complete "$task" "$@"; then
    say "$task is there"
    return
  fi
  rm -rf "$to"
  mkdir -p "$to"
  case $task in
    MRPC)
      fetch "$mrpc_home" msr_paraphrase_train.txt "$from"
      fetch "$mrpc_home" msr_paraphrase_test.txt "$from"
      fetch "$glue_home" mrpc_dev_ids.tsv "$from"
      make_mrpc "$from" "$to" ;;
    AX)
      fetch "$glue_home" AX.tsv "$from"
      cp "$from/AX.tsv" "$to/diagnostic.tsv" ;;
    *)
      fetch "$glue_home" "$archive" "$from"
      unzip -tqq "$from/$archive" >/dev/null 2>&1 || refuse "$from/$archive" "is no whole zip archive"
      for file; do
        unzip -qqoj "$from/$archive" "$task/${file%:*}" -d "$to" ||
          refuse "$from/$archive" "has no $task/${file%:*}"
      done ;;
  esac
  for file; do
    count=$(rows "$to/${file%:*}")
    [[ $count == "${file#*:}" ]] && continue
    case $task in
      MRPC) rm -f "$from"/msr_paraphrase_* "$from/mrpc_dev_ids.tsv" ;;
      AX) rm -f "$from/AX.tsv" ;;
      *) rm -f "$from/$archive" ;;
    esac
    fail "$task/${file%:*}: $count rows, not ${file#*:}: not GLUE's file; it was removed"
  done
  mkdir -p "$glue/$task"
  for file; do mv "$to/${file%:*}" "$glue/$task/"; done
  rmdir "$to"
  say "$task: $*"
}

# Whether the file is a whole safetensors: its header, and all the bytes that this speaks of.
whole_safetensors() {
  local file=$1 size length end
  size=$(stat -c %s "$file")
  ((size > 8)) || return 1
  length=$(od -An -t u8 --endian=little -N 8 "$file" | tr -d ' ')
  ((${#length} < 10 && length > 0 && 8 + length <= size)) || return 1
  [[ $(tail -c +9 "$file" | head -c 1) == '{' ]] || return 1
  end=$(tail -c +9 "$file" | head -c "$length" |
    grep -oE '"data_offsets": ?\[ ?[0-9]+, ?[0-9]+' | awk -F '[^0-9]+' '$NF > most { most = $NF } END { print most + 0 }')
  ((8 + length + end == size))
}

# right FILE: whether it is the part of the model that its name says.
right() {
  case $1 in
    */roberta-base/config.json) grep -q '"model_type": *"roberta"' "$1" ;;
    */config.json) grep -q '"model_type": *"bert"' "$1" ;;
    */tokenizer_config.json) [[ $(head -c 1 "$1") == '{' ]] ;;
    */vocab.txt) [[ $(head -n 1 "$1") == '[PAD]' ]] ;;
    */vocab.json) [[ $(head -c 1 "$1") == '{' && $(tail -c 20 "$1") == *'}'* ]] ;;
    */merges.txt) [[ $(head -c 8 "$1") == '#version' ]] ;;
    *) whole_safetensors "$1" ;;
  esac
}

# fetch_model NAME HOME FILE...
fetch_model() {
  local name=$1 home=$2 to=$models/$1 file
  shift 2
  for file; do
    fetch "$home" "$file" "$to"
    right "$to/$file" || refuse "$to/$file" "is not $name's, or not whole"
  done
  say "$name: $(stat -c %s "$to/model.safetensors") bytes of weights"
}

(($#)) || { sed -n '2,17s/^# \{0,1\}//p' tools/fetch.sh; exit 2; }
for tool in curl unzip awk od; do
  command -v "$tool" >/dev/null || fail "$tool is needed: tools/setup.sh fetch installs it"
done
names=$(awk 'NF { print $1 }' <<<"$tasks" | paste -sd ' ')
wanted=() roberta=0 minilm=0
for name; do
  case $name in
    all) wanted+=($names) roberta=1 ;;
    glue) wanted+=($names) ;;
    roberta-base) roberta=1 ;;
    minilm-bert) minilm=1 ;;
    *)
      [[ " $names " == *" $name "* ]] || { say "unknown '$name' (glue, roberta-base, minilm-bert, all, $names)" >&2; exit 2; }
      wanted+=("$name") ;;
  esac
done
for name in ${wanted[@]+"${wanted[@]}"}; do
  fetch_task $(awk -v name="$name" '$1 == name' <<<"$tasks")
done
((!roberta)) || fetch_model roberta-base "$roberta_home" config.json vocab.json merges.txt model.safetensors
((!minilm)) || fetch_model minilm-bert "$minilm_home" config.json tokenizer_config.json vocab.txt model.safetensors
