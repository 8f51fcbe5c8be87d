#!/bin/sh
# What there is to know of this project on one machine, in under 10 minutes: the device, the tests of the kernels,
# tuning, benchmarks, other frameworks side by side, a slice of training and its resumption. Runs in a checkout that is
# built, or in an unpacked bundle (docs/offline.md). A step that fails or takes too long is reported; the others go on.
set -u

usage='Usage: sh bench/gpu.sh [options]

  --out DIR      where to write a log per step, figures as JSON, and summary.md; default: the variable OUT, or
                 gpu-results
  --small        small network, batches and budgets, for software drivers
  --seconds S    all in all; default: 570
  --budget S     for the search of the tuner; default: three quarters of its share
  --only STEPS   as "device bench"; default: "device check tune bench peers train"
  --pack         leave only summary.md and results.tar.gz, which holds the other files'

out=${OUT:-gpu-results} small=no pack=no seconds=570 budget='' only="device check tune bench peers train"
while [ "$#" -gt 0 ]; do
  case $1 in
  --out | --seconds | --budget | --only)
    if [ "$#" -lt 2 ]; then
      echo "gpu.sh: $1 expects a value" >&2
      exit 2
    fi
    case $1 in
    --out) out=$2 ;;
    --seconds) seconds=$2 ;;
    --budget) budget=$2 ;;
    --only) only=$2 ;;
    esac
    shift
    ;;
  --small) small=yes ;;
  --pack) pack=yes ;;
  -h | --help)
    echo "$usage"
    exit 0
    ;;
  *)
    printf 'gpu.sh: unknown option "%s"\n\n%s\n' "$1" "$usage" >&2
    exit 2
    ;;
  esac
  shift
done
case $out in /*) ;; *) out=$PWD/$out ;; esac
cd "$(dirname "$0")/.." || exit 1
if ! command -v timeout >/dev/null; then
  echo "gpu.sh: install timeout (Debian: coreutils), which keeps each step within its time" >&2
  exit 1
fi
mkdir -p "$out" || exit 1
work=$(mktemp -d) || exit 1 # for checkpoints and whitening, which are large and of no interest afterwards
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}"

# --- What runs, words to be split ---
if [ -f start.sh ] && [ -f manifest.txt ]; then
  allcnn="sh start.sh" check="sh start.sh --check" doctor="sh start.sh --doctor" node="sh start.sh --node"
  peers=program/peers
  if [ -z "${ALLCNN_DATA:-}" ] && [ -d data ]; then ALLCNN_DATA=$PWD/data; fi
else
  allcnn="node dist/allcnn.js" check="npm test --" doctor="uname -a" node=node peers=dist/peers
  if [ ! -f dist/allcnn.js ]; then
    echo "gpu.sh: build the program first: sh setup.sh" >&2
    exit 1
  fi
fi
if [ "$small" = yes ]; then
  config=configs/small-cifar10.yaml batches=8 steps=2 rounds=1 peer_steps=1 tests="kernels/loss kernels/pooling"
else
  config=configs/allcnn-c.yaml batches="128 512" steps=20 rounds=3 peer_steps=10 tests=kernels/
fi
first_batch=${batches%% *}

# Does command $1 of the program have option $2?
has_option() { $allcnn "$1" --help 2>/dev/null | grep -q -- "^  $2 "; }

# --- Steps ---
begin=$(date +%s)
left=100 # percent of the time that the steps to come are promised
rows='' failures=0 summary=$out/summary.md
: >"$work/excerpts"

row() { # name, result, seconds
  printf '%-12s %s\n' "$1" "$2"
  rows="$rows| $1 | $2 | $3 | $4 |
"
}

wanted() { case " $only " in *" $1 "*) ;; *) return 1 ;; esac; }

# Seconds for a step with a share of $1 percent: its own, and what the steps before it did not use.
limit_of() { echo $((seconds - ($(date +%s) - begin) - seconds * (left - $1) / 100)); }

# step NAME SHARE PATTERN COMMAND...: runs the command, its output into NAME.log; lines with PATTERN go to the summary.
step() {
  name=$1 share=$2 pattern=$3
  shift 3
  limit=$(($(limit_of "$share") - 5)) # to end by itself after the signal
  left=$((left - share))
  if [ "$limit" -lt 5 ]; then
    failures=$((failures + 1))
    row "$name" "no time left" 0 -
    return 1
  fi
  since=$(date +%s)
  timeout -k 5 "$limit" "$@" >"$work/log" 2>&1
  status=$?
  grep -v '^Warning: max' "$work/log" >"$out/$name.log" # Dawn's own, at each start
  took=$(($(date +%s) - since))
  case $status in
  0) result=ok ;;
  124 | 137) result="stopped after its $limit s" ;;
  *) result="failed, exit code $status" ;;
  esac
  row "$name" "$result" "$took" "$name.log"
  {
    printf '\n## %s\n\n```\n' "$name"
    if [ "$status" -eq 0 ]; then grep -E -- "$pattern" "$out/$name.log" | head -n 60
    else tail -n 15 "$out/$name.log"; fi
    printf '```\n'
  } >>"$work/excerpts"
  [ "$status" -eq 0 ] || failures=$((failures + 1))
  return "$status"
}

skip() { # name, share, reason
  left=$((left - $2))
  row "$1" "skipped: $3" 0 -
}

# allcnn-c trains on as many files as are there, without gaps; elsewhere on generated images.
training_arguments() {
  files=0 data=${ALLCNN_DATA:-}
  [ -f "$data/test_batch.bin" ] || data=$data/cifar-10-batches-bin
  while [ "$files" -lt 5 ] && [ -f "$data/data_batch_$((files + 1)).bin" ]; do files=$((files + 1)); done
  if [ "$files" -eq 0 ] || [ ! -f "$data/test_batch.bin" ]; then
    data=''
    set -- configs/quickstart.yaml
    [ "$small" = no ] || set -- "$@" --train-examples 64 --test-examples 64 --set training.batch=8
  elif [ "$small" = yes ]; then
    # Without whitening: its matrix takes minutes on a software driver.
    set -- "$config" --data "$data" --train-examples 64 --test-examples 64 --set training.batch=8 \
      --set 'dataset.preprocess=[{ gcn: { scale: 55 } }]'
  else
    set -- "$config" --data "$data" --train-examples "$((10000 * files))"
  fi
  printf '%s\n' "$@"
}

echo "Into $out, in at most $seconds s"
if wanted device; then
  # shellcheck disable=SC2086 # words of a command, here and below
  step device 5 . $doctor
else left=$((left - 5)); fi

if wanted check; then step check 10 'FAIL|passed' $check $tests; else left=$((left - 10)); fi

if ! wanted tune; then
  left=$((left - 16))
elif $allcnn tune --help >/dev/null 2>&1; then
  if [ -z "$budget" ]; then
    if [ "$small" = yes ]; then budget=45; else budget=$(($(limit_of 16) * 3 / 4)); fi
  fi
  step tune 16 . $allcnn tune "$config" --batch "$first_batch" --budget "$budget" --report "$out/tune.html" \
    --export "$out/tune.json"
else
  skip tune 16 "this version has no command tune"
fi

# bench_step NAME SHARE OPTIONS...: a training step, as whole and op by op.
bench_step() {
  name=$1 share=$2
  shift 2
  set -- "$@" --steps "$steps" --json "$out/$name.json"
  if has_option bench --profile; then set -- "$@" --profile; fi
  # What the step tune has not measured, as other batches, within half of the time.
  if ! has_option bench --tune; then :
  elif [ "$small" = yes ]; then set -- "$@" --tune cached
  else set -- "$@" --tune search --tune-budget "$(($(limit_of "$share") / 2))"; fi
  step "$name" "$share" '^[^ ]' $allcnn bench "$config" "$@"
}

for batch in $batches; do
  if wanted bench; then
    set -- --batch "$batch"
    if has_option bench '--trace FILE'; then set -- "$@" --trace "$out/trace-$batch.json"; fi
    bench_step "bench-$batch" 8 "$@"
  else left=$((left - 8)); fi
done
# The last batch in mixed precision too.
if ! wanted bench; then left=$((left - 8))
elif has_option bench '--set path=value'; then bench_step "bench-$batch-f16" 8 --batch "$batch" --set precision=f16
else skip "bench-$batch-f16" 8 "this version has no mixed precision"; fi
# And on tensor cores, in kernels that have not run on hardware yet; the log's first line says whether there are any.
if ! wanted bench || [ "$small" = yes ]; then left=$((left - 6))
elif has_option bench --matrix; then
  bench_step "bench-$batch-matrix" 6 --batch "$batch" --set precision=f16 --matrix
else skip "bench-$batch-matrix" 6 "this version has no kernels on matrix units"; fi

# peers_step NAME SHARE OPTIONS...: this project and other frameworks in turns.
peers_step() {
  name=$1 share=$2
  shift 2
  step "$name" "$share" '^[|-]|^Training step' $node "$@" --config "$config" --rounds "$rounds" --steps "$peer_steps" \
    --timeout "$(($(limit_of "$share") / 3))" --json "$out/$name.json"
}

set -- "$peers"/run.*js
if ! wanted peers; then
  left=$((left - 23))
elif [ -f "$1" ]; then
  peers_step peers 15 "$1" --batch "$first_batch"
  # Mixed precision against PyTorch's at the last batch.
  if [ "$batch" = "$first_batch" ]; then left=$((left - 8))
  else peers_step "peers-$batch" 8 "$1" --batch "$batch" --only "allcnn,torch bf16 channels_last,torch fp16 channels_last"; fi
else
  skip peers 23 "there is no $peers, which npm run peers makes"
fi

if wanted train; then
  training_arguments >"$work/arguments"
  set --
  while read -r word; do set -- "$@" "$word"; done <"$work/arguments"
  if has_option train --tune; then set -- "$@" --tune cached; fi
  if step train 9 . $allcnn train "$@" --epochs 1 --out "$work/run"; then
    step resume 7 . $allcnn train --resume "$work/run" --epochs 2 ${data:+--data "$data"}
  else
    skip resume 7 "there is no run to resume"
  fi
  for file in metrics.jsonl curves.png; do
    [ ! -f "$work/run/$file" ] || cp "$work/run/$file" "$out/"
  done
fi

{
  printf '# %s\n\n%s, %s; %s s in all.\n\n| step | result | s | log |\n| --- | --- | --- | --- |\n%s' \
    "$([ "$small" = yes ] && echo "Small run" || echo "Full run")" "$(date -u '+%Y-%m-%d %H:%M UTC')" "$(uname -sr)" \
    "$(($(date +%s) - begin))" "$rows"
  cat "$work/excerpts"
} >"$summary"

if [ "$pack" = yes ]; then
  (
    cd "$out" || exit 1
    set --
    for file in *; do
      case $file in summary.md | results.tar.gz) ;; *) set -- "$@" "$file" ;; esac
    done
    tar -czf results.tar.gz "$@" && rm -rf "$@"
  ) || echo "gpu.sh: cannot pack the results, they stay as they are" >&2
fi
echo "Summary: $summary"
[ "$failures" -eq 0 ]
