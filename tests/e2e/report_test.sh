#!/usr/bin/env bash
# report.html in a real browser: every chart is drawn, nothing is complained of, nothing is asked of
# the network, at two widths.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
browser=$(command -v chromium || command -v google-chrome) || skip "no chromium (tools/setup.sh page)"

run one expect 0 "$runner" "$spec" --quiet
said "report: $scratch/one/small/report.html"
run two expect 0 "$runner" "$spec" --quiet name=small seeds=1
run one expect 0 "$runner" report "$spec" --out one.html
sed -e "s|\.\./\.\./data|$here/../../data|" "$spec" >other.yaml
run one expect 0 "$runner" report "$spec" other.yaml --out both.html
expect 2 "$runner" report
said "no spec is named"

# The page never makes a finished run fail.
cp -r one blocked
rm blocked/small/report.html
mkdir blocked/small/report.html
run blocked expect 0 "$runner" "$spec" --quiet
said "report.html was not written"
said "cells done"

# look FILE WIDTH: draws every chart and leaves the DOM in `dom`, the console in `console`.
look() {
  sed 's|^</body>$|<script>drawAll().then(() => document.body.dataset.all = document.images.length ? "markup" : document.title === "1" ? "markup" : "drawn")</script></body>|' "$1" >driven.html
  timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --window-size="$2",900 \
    --virtual-time-budget=60000 --user-data-dir="$scratch/profile" --enable-logging=stderr \
    --log-net-log="$scratch/net.json" --dump-dom "file://$scratch/driven.html" >dom 2>console ||
    fail "the browser ended with $?"
}

# What the program writes of names that were meant to do something: markup, the end of the script, an
# expression of Vega's, a path into its data.
hostile='\\\\u003cimg src=x onerror=\\"document.title=1\\">\\\\u003c/script>{{alert(1)}} a.b[0] signal'
sed -e "s|\"RTE\"|\"$hostile\"|g; s|\"random_search\"|\"$hostile'\"|g; s|\"lr\"|\"$hostile.lr\"|g" one.html >hostile.html
(($(grep -o onerror hostile.html | wc -l) > 10)) || fail "no name was replaced"

for page in one both hostile; do
  for width in 1280 400; do
    look $page.html $width
    grep -q 'data-all="drawn"' dom || { grep CONSOLE console || true; fail "$page at $width: not every chart was drawn"; }
    charts=$(grep -o '<figure>' dom | wc -l)
    ((charts >= 6)) || fail "$page at $width: $charts charts"
    [[ $(grep -o 'data-drawn=' dom | wc -l) == "$charts" ]] || fail "$page at $width: a chart without a picture"
    (($(grep -o '<svg' dom | wc -l) >= 6)) || fail "$page at $width: no pictures"
    ! grep CONSOLE console || fail "$page at $width: the console complains"
    ! grep -oE '"url":"(https?|wss?)://[^"]*"' net.json | grep -v 'google\|gvt1' ||
      fail "$page at $width: the page asked the network"
  done
done
