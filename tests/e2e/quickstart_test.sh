#!/usr/bin/env bash
# What `make run` shows: the embedded default runs as it is, and its tiny RoBERTa really learns: on at
# least six tasks plain fine-tuning has an accuracy of the majority's + 0.10, or a correlation of 0.30.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
root=$here/../..

expect 0 run root "$runner" plan "$root/experiments/quickstart.yaml"
read -r told_examples told_flops < <(sed -nE \
  's/^# charged to methods: (.*) examples, (.*) FLOPs$/\1 \2/p' said)
expect 0 run root "$runner" "$root/experiments/quickstart.yaml"
for file in methods pairs trials fusion curves; do
  said "$file.csv"
  [[ -s root/quickstart/tables/$file.csv ]] || fail "no $file.csv"
done

# What the plan told is what was spent, to a tenth.
sed -E 's/"([^",]*),([^"]*)"/\1;\2/g' root/quickstart/tables/trials.csv | awk -F, -v examples="$told_examples" -v flops="$told_flops" '
  function far(told, spent) { return told < 0.9 * spent || told > 1.1 * spent }
  NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  { e += $at["examples"]; f += $at["flops"] }
  END { print "examples", examples, "told", e, "spent; FLOPs", flops, "told", f, "spent"
        exit far(examples, e) || far(flops, f) }' ||
  fail "the plan was wrong"

# Share of the most frequent label: the last column, except where GLUE has it elsewhere.
majority() {
  local file=$root/data/mini_glue/$1/dev.tsv column='NF'
  [[ $1 != MNLI ]] || file=${file/dev/dev_matched}
  [[ $1 != MRPC ]] || column=1
  awk -F '\t' "NR > 1 { n[\$($column)]++; rows++ }
    END { for (l in n) if (n[l] > most) most = n[l]; print most / rows }" "$file"
}

learned=0
while read -r task accuracy correlation; do
  least=$(majority "$task")
  echo "$task: accuracy ${accuracy:--} (majority $least), correlation ${correlation:--}"
  awk -v a="$accuracy" -v m="$least" -v c="$correlation" \
    'BEGIN { exit !((a != "-" && a >= m + 0.10) || (c != "-" && c >= 0.30)) }' &&
    learned=$((learned + 1))
done < <(awk -F, '
  NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  $at["method"] == "fine_tune" {
    correlation = $at["report_mcc"] != "" ? $at["report_mcc"] : $at["report_pearson"]
    print $at["task"], $at["report_accuracy"] != "" ? $at["report_accuracy"] : "-",
          correlation != "" ? correlation : "-" }' root/quickstart/tables/trials.csv)
((learned >= 6)) || fail "only $learned tasks were learned"
