#!/usr/bin/env bash
# tools/fetch.sh against a server that cuts, stalls and answers with something else.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
for tool in python3 curl unzip; do
  command -v "$tool" >/dev/null || skip "no $tool"
done
fetch=$here/../../tools/fetch.sh

# A public home: WNLI and AX with as many rows as the real ones, MRPC's corpus, a tiny model.
cat >make.py <<'E_'
import json, pathlib, struct, zipfile
home = pathlib.Path("home"); home.mkdir()
def table(header, row, count):
    return "\n".join([header] + [row.format(i) for i in range(count)]) + "\n"
with zipfile.ZipFile(home / "WNLI.zip", "w", zipfile.ZIP_STORED) as z:
    z.writestr("__MACOSX/WNLI/._train.tsv", "x")
    for name, count in ("train", 635), ("dev", 71):
        z.writestr(f"WNLI/{name}.tsv", table("index\tsentence1\tsentence2\tlabel", "{0}\tOne {0}.\tTwo.\t1", count))
    z.writestr("WNLI/test.tsv", table("index\tsentence1\tsentence2", "{0}\tOne.\tTwo.", 146))
(home / "AX.tsv").write_text(table("index\tsentence1\tsentence2", "{}\tOne.\tTwo.", 1104).rstrip("\n"))
header = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"
corpus = table(header, "1\t{0}\t9{0}\tSo \"it\" is.\tIt is.", 4076).replace("\n", "\r\n")
(home / "msr_paraphrase_train.txt").write_bytes(corpus.encode())
(home / "msr_paraphrase_test.txt").write_text(table(header, "0\t{0}\t9{0}\tA.\tB.", 1725))
(home / "mrpc_dev_ids.tsv").write_text("".join(f"{i}\t9{i}\n" for i in range(0, 4080, 10)))
(home / "config.json").write_text('{"model_type": "roberta"}')
(home / "vocab.json").write_text('{"<s>": 0}')
(home / "merges.txt").write_text("#version: 0.2\na b\n")
head = json.dumps({"w": {"dtype": "F32", "shape": [30000], "data_offsets": [0, 120000]}}).encode()
(home / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(120000))
E_
python3 make.py

# /good/ answers parts of files; /cut/ breaks off after a third of what is asked, /plain/ always sends
# the whole, /stall/ sends nothing after the first byte, /page/ a page of HTML; the rest is not there.
cat >server.py <<'E_'
import http.server, pathlib, time
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self):
        _, how, name = self.path.split("/", 2)
        path = pathlib.Path("home") / name
        if how == "page": data = b"<!DOCTYPE html><html>Sign in</html>"
        elif path.exists() and how in ("good", "cut", "plain", "stall"): data = path.read_bytes()
        else: return self.send_error(404)
        begin, given = 0, self.headers.get("Range")
        if given and how in ("good", "cut"):
            begin = int(given.split("=")[1].split("-")[0])
            if begin >= len(data): return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else: self.send_response(200)
        rest = data[begin:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if how == "stall":
            self.wfile.write(rest[:1]); self.wfile.flush(); time.sleep(20); return
        self.wfile.write(rest[:max(1, len(rest) // 3)] if how == "cut" and len(rest) > 2000 else rest)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
pathlib.Path("port").write_text(str(server.server_address[1]))
server.serve_forever()
E_
python3 server.py &
server=$!
trap 'kill $server; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do [[ -s port ]] && break; sleep 0.1; done
[[ -s port ]] || fail "the server does not start"
base=http://127.0.0.1:$(cat port)
export no_proxy=127.0.0.1 FETCH_PAUSE=0 RUNNER_GLUE=$scratch/glue RUNNER_MODELS=$scratch/models
homes() { export FETCH_GLUE=$base/$1 FETCH_MRPC=$base/$1 FETCH_ROBERTA=$base/$1 FETCH_MINILM=$base/$1; }
said() { grep -q -- "$1" "$scratch/said" || fail "expected '$1', got: $(cat "$scratch/said")"; }

expect 2 "$fetch"
expect 2 "$fetch" RTF
said "unknown 'RTF' (glue, roberta-base, minilm-bert, all, CoLA"

# A third of the rest comes each time: five tries are not enough, and the next call goes on.
homes cut
expect 1 "$fetch" WNLI
said 'broke off'
size=$(stat -c %s glue/.fetch/WNLI.zip.part)
((size > 8000)) || fail "only $size bytes are kept"
homes good
expect 0 "$fetch" WNLI MRPC AX
[[ $(sed -n 2p glue/WNLI/train.tsv) == $'0\tOne 0.\tTwo.\t1' ]] || fail "WNLI is not what the home has"
[[ $(sed -n 2p glue/MRPC/dev.tsv) == $'1\t0\t90\tSo "it" is.\tIt is.' ]] || fail "MRPC's dev is wrong"
[[ $(sed -n 2p glue/MRPC/train.tsv) == $'1\t1\t91\tSo "it" is.\tIt is.' ]] || fail "MRPC's train is wrong"
[[ $(sed -n 2p glue/MRPC/test.tsv) == $'0\t0\t90\tA.\tB.' ]] || fail "MRPC's test is wrong"
[[ $(wc -l <glue/AX/diagnostic.tsv) == 1104 ]] || fail "AX is not whole"

# What is there is not downloaded again; a row that went missing is noticed.
homes nowhere
expect 0 "$fetch" WNLI
said 'WNLI is there'
sed -i '$d' glue/WNLI/dev.tsv
rm -r glue/.fetch
expect 1 "$fetch" WNLI
said 'WNLI.zip: not there'

# A page, and an archive of other rows, are refused and removed.
homes page
expect 1 "$fetch" WNLI
said 'is no whole zip archive (it begins: <!DOCTYPE html'
[[ ! -e glue/.fetch/WNLI.zip ]] || fail "the page was kept"
expect 1 "$fetch" roberta-base
said "config.json: is not roberta-base's, or not whole (it begins: <!DOCTYPE html"
homes good
sed -i '$d' home/AX.tsv
rm -r glue/AX glue/.fetch
expect 1 "$fetch" AX
said 'AX/diagnostic.tsv: 1103 rows, not 1104'
[[ ! -e glue/AX/diagnostic.tsv ]] || fail "AX was kept"

# A server that stalls, one that knows no parts, and weights that are cut.
homes stall
FETCH_PATIENCE=1 expect 1 "$fetch" WNLI
said 'broke off (curl'
homes plain
expect 0 "$fetch" WNLI roberta-base
said 'roberta-base: 120'
truncate -s -1 models/roberta-base/model.safetensors
expect 1 "$fetch" roberta-base
said "model.safetensors: is not roberta-base's, or not whole"
homes nowhere
FETCH_FROM=$scratch/home expect 0 "$fetch" roberta-base
cmp -s home/model.safetensors models/roberta-base/model.safetensors || fail "the weights differ"
FETCH_FROM=$scratch/home expect 1 "$fetch" minilm-bert
said "minilm-bert/config.json: is not minilm-bert's"
mkdir bert
echo '{"model_type": "bert"}' >bert/config.json
echo '{"do_lower_case": true}' >bert/tokenizer_config.json
echo '[PAD]' >bert/vocab.txt
cp home/model.safetensors bert/
FETCH_FROM=$scratch/bert expect 0 "$fetch" minilm-bert
said 'minilm-bert: 120'
FETCH_FROM=$scratch/home expect 1 "$fetch" RTE
said "has no RTE.zip"
