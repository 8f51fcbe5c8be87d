#!/bin/sh
# What there is to know of this project on one machine, in under 10 minutes: the device, the tests of kernels and
# training, tuning, benchmarks, a slice of training and its resumption, other frameworks side by side. Runs in a checkout
# that is built, or in an unpacked bundle (docs/offline.md). A step that fails or takes too long is reported; the others
# go on.
set -u

usage='Usage: sh bench/gpu.sh [options]

  --out DIR      where to write a log per step, figures as JSON, and summary.md; default: the variable OUT, or
                 gpu-results
  --small        small network, batches and budgets, for software drivers
  --seconds S    all in all; default: 570
  --budget S     for each search of the tuner; default: two thirds of what the step has
  --only STEPS   as "device bench"; default: "device check tune bench train peers"
  --pack         leave only summary.md and results.tar.gz, which holds the other files'

out=${OUT:-gpu-results} small=no pack=no seconds=570 budget='' only="device check tune bench train peers"
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
first_batch=${batches%% *} last_batch=${batches##* }

# --- Steps ---
begin=$(date +%s)
left=100 # percent of the time that the steps to come are promised
rows='' rates='' failures=0 summary=$out/summary.md
: >"$work/excerpts"

row() { # name, result, seconds
  printf '%-16s %s\n' "$1" "$2"
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

# rate FILE WHAT: a row with the last images/s in FILE, JSON, and the time of 350 epochs at it, as the paper trains.
rate() {
  ! grep -q 'has no shader-f16' "$out/$name.log" || return 0 # it fell back to float32
  rates=$rates$(awk -v step="$name" -v what="$2" 'sub(/.*"imagesPerSecond": */, "") { rate = $0 + 0 }
    END { if (rate > 0) printf "| %s | %s | %.1f | %.0f s |\n.", step, what, rate, 350 * 50000 / rate }' "$1")
  rates=${rates%.} # without it, the shell would drop the end of the line
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
  step device 2 . $doctor
else left=$((left - 2)); fi

if wanted check; then
  step check 8 'FAIL|passed' $check $tests
  # Mixed precision: overflows skipped and survived, and what is resumed byte by byte.
  if [ "$small" = yes ]; then skip check-train 5 "it takes a minute on a software driver"
  else step check-train 5 'FAIL|skipped|passed' $check training/mixed training/fit; fi
else left=$((left - 13)); fi

# Are there matrix units that can be used?
no_units="this device has no matrix units that can be used"
if ! wanted tune && ! wanted bench; then :
elif timeout -k 5 30 $allcnn tune --matrix --export "$work/known.json" 2>&1 | grep -q '; matrix units of'; then no_units=''; fi

# tune_step NAME SHARE OPTIONS...: searches the kernels of a training step, for the steps to come; none of evaluation.
tune_step() {
  name=$1 share=$2 search=$budget
  shift 2
  # The rest is for opening the device, and for comparing the whole step before and after.
  [ -n "$search" ] || search=$((($(limit_of "$share") - 5) * 2 / 3))
  step "$name" "$share" . $allcnn tune "$config" "$@" --only '^(?!evaluate/)' --budget "$search" \
    --report "$out/$name.html" --export "$out/$name.json"
}

if ! wanted tune; then left=$((left - 35))
elif [ "$small" = yes ]; then
  : "${budget:=45}"
  tune_step tune 35 --batch "$first_batch"
else
  tune_step tune 7 --batch "$first_batch"
  tune_step "tune-$last_batch" 6 --batch "$last_batch"
  # Kernels for matrix units belong to a device of their own, with measurements of its own.
  tune_step "tune-$last_batch-f16" 6 --batch "$last_batch" --set precision=f16
  if [ -n "$no_units" ]; then skip "tune-$last_batch-matrix" 16 "$no_units"
  else tune_step "tune-$last_batch-matrix" 16 --batch "$last_batch" --set precision=f16 --matrix; fi
fi

# bench_step NAME SHARE OPTIONS...: a training step in the kernels found until now, as whole and op by op.
bench_step() {
  name=$1 share=$2
  shift 2
  step "$name" "$share" '^[^ ]' $allcnn bench "$config" "$@" --tune cached --steps "$steps" --profile \
    --trace "$out/$name-trace.json" --json "$out/$name.json" && rate "$out/$name.json" "$config"
}

matrix='' # the option, once kernels on matrix units, which have not run on hardware yet, went well
if ! wanted bench; then left=$((left - 16))
else
  for batch in $batches; do bench_step "bench-$batch" 4 --batch "$batch"; done
  bench_step "bench-$last_batch-f16" 4 --batch "$last_batch" --set precision=f16
  if [ -n "$no_units" ]; then skip "bench-$last_batch-matrix" 4 "$no_units"
  elif bench_step "bench-$last_batch-matrix" 4 --batch "$last_batch" --set precision=f16 --matrix; then
    matrix=--matrix
  fi
  [ "$small" = no ] || left=$((left - 4)) # of the second batch
fi

# train_pair SUFFIX SHARE SHARE DEVICE WHAT OPTIONS...: an epoch of training, and a second one that resumes it. DEVICE:
# an option of both, or nothing.
train_pair() {
  suffix=$1 first=$2 second=$3 device=$4 what=$5 run=$work/run$1
  shift 5
  if step "train$suffix" "$first" . $allcnn train "$@" $device --tune cached --epochs 1 --out "$run"; then
    step "resume$suffix" "$second" . $allcnn train --resume "$run" --epochs 2 $device ${data:+--data "$data"} &&
      rate "$run/metrics.jsonl" "$what"
  else
    skip "resume$suffix" "$second" "there is no run to resume"
  fi
  for file in metrics.jsonl curves.png; do
    [ ! -f "$run/$file" ] || cp "$run/$file" "$out/${file%.*}$suffix.${file##*.}"
  done
}

if wanted train; then
  training_arguments >"$work/arguments"
  set --
  while read -r word; do set -- "$@" "$word"; done <"$work/arguments"
  train_pair '' 7 3 '' "$1" "$@"
  # In mixed precision at the last batch, on matrix units if bench went well there.
  train_pair -f16 4 3 "$matrix" "$1, batch $last_batch${matrix:+, matrix units}" "$@" --set precision=f16 \
    --set "training.batch=$last_batch"
else left=$((left - 17)); fi

# peers_step NAME SHARE OPTIONS...: this project and other frameworks in turns.
peers_step() {
  name=$1 share=$2
  shift 2
  step "$name" "$share" '^[|-]|^Training step' $node "$@" --config "$config" --rounds "$rounds" --steps "$peer_steps" \
    --timeout "$(($(limit_of "$share") / 3))" --json "$out/$name.json"
}

# Behind all others, as they take what time there is; PyTorch's variants that compile need most of it.
set -- "$peers"/run.*js
if ! wanted peers; then :
elif [ ! -f "$1" ]; then skip peers 17 "there is no $peers, which npm run peers makes"
elif [ "$small" = yes ]; then peers_step peers 17 "$1" --batch "$first_batch"
else
  # Mixed precision against PyTorch's, in the kernels found for this batch.
  peers_step "peers-$last_batch" 8 "$1" --batch "$last_batch" \
    --only "allcnn,torch bf16 channels_last,torch fp16 channels_last"
  peers_step peers 9 "$1" --batch "$first_batch" --only "allcnn,tfjs,jax,torch fp32,torch tf32"
fi

{
  printf '# %s\n\n%s, %s; %s s in all.\n\n| step | result | s | log |\n| --- | --- | --- | --- |\n%s' \
    "$([ "$small" = yes ] && echo "Small run" || echo "Full run")" "$(date -u '+%Y-%m-%d %H:%M UTC')" "$(uname -sr)" \
    "$(($(date +%s) - begin))" "$rows"
  if [ -n "$rates" ]; then
    printf '\n350 epochs of 50,000 images, without start and evaluation:\n\n'
    printf '| step | network | images/s | 350 epochs |\n| --- | --- | --- | --- |\n%s' "$rates"
  fi
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
