// Histories as people's programs write them.
#include "spec/history.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;

namespace {

const std::string kSpace = R"(objective: loss
variables:
  lr: {type: choice, values: [1e-5, 2e-5, 5e-5]}
  bs: {type: integer, low: 8, high: 32}
  amsgrad: {type: choice, values: [true, false]}
  x: {type: real, low: 0, high: 0.1}
)";

SuggestSpace space_of(const std::string& text) {
  const SpecFile file(text, "space.yaml");
  return load_space("space.yaml");
}

HistoryRows read(const std::string& csv, const std::string& space = kSpace,
                 const HistoryOptions& options = {}) {
  SuggestSpace read_space = space_of(space);
  return read_history(csv, "h.csv", options, read_space);
}

std::string error_of(const std::string& csv, const std::string& space = kSpace,
                     const HistoryOptions& options = {}) {
  try {
    read(csv, space, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

const std::string kPlain = "lr,bs,amsgrad,x,loss\n1e-5,16,true,0.1,0.5\n5e-5,32,false,0,0.4\n";

void same_as_plain(const std::string& csv) {
  CAPTURE(csv);
  const HistoryRows want = read(kPlain), got = read(csv);
  REQUIRE(got.observations.size() == want.observations.size());
  for (std::size_t i = 0; i < want.observations.size(); ++i) {
    CHECK(got.observations[i].x == want.observations[i].x);
    CHECK(got.observations[i].y == want.observations[i].y);
    CHECK(got.observations[i].status == bo::Status::ok);
  }
  CHECK(got.notes.empty());
}

}  // namespace

TEST_CASE("values compare as numbers and truths, however a program writes them") {
  CHECK(read(kPlain).observations[0].x == bo::Point{0, 16, 0, 0.1});
  // pandas: an index without a name, floats for integers, capital truths; read back and again.
  same_as_plain(",lr,bs,amsgrad,x,loss\n0,1e-05,16.0,True,0.1,0.5\n1,5e-05,32.0,False,0.0,0.4\n");
  same_as_plain(
      "Unnamed: 0,lr,bs,amsgrad,x,loss\n0,1e-05,16.0,1.0,0.1,5e-01\n1,5E-5,32,0.0,-0.0,0.40\n");
  // R: everything quoted, truths in capitals, row names.
  same_as_plain(
      "\"\",\"lr\",\"bs\",\"amsgrad\",\"x\",\"loss\"\n\"1\",1e-05,16,TRUE,0.1,0.5\n"
      "\"2\",5e-05,32,FALSE,0,0.4\n");
  // Spreadsheets: a byte order mark, CRLF or CR, rows of nothing; decimal commas and semicolons.
  same_as_plain(
      "\xEF\xBB\xBFlr,bs,amsgrad,x,loss\r\n0.00001,16,TRUE,0.1,0.5\r\n,,,,\r\n"
      "0.00005,32,FALSE,0,0.4\r\n,,,,\r\n");
  same_as_plain("lr,bs,amsgrad,x,loss\r1e-5,16,true,0.1,0.5\r5e-5,32,false,0,0.4\r");
  same_as_plain("lr;bs;amsgrad;x;loss\n0,00001;16;1;0,1;0,5\n5E-05;32,0;0;0;0,4\n");
  same_as_plain("lr\tbs\tamsgrad\tx\tloss\n1e-5\t16\ttrue\t0.1\t0.5\n5e-5\t32\tfalse\t0\t0.4\n");
  // By hand: columns in any order, spaces.
  same_as_plain("loss, x, amsgrad, bs, lr\n0.5, 0.1, true, 16, 1e-5\n0.4, 0, false, 32, 5e-5\n");
  // A float32 of each.
  same_as_plain(
      "lr,bs,amsgrad,x,loss\n9.999999747378752e-06,16,true,0.10000000149011612,0.5\n"
      "4.9999998736893758e-05,32,false,-1e-12,0.4\n");
}

TEST_CASE("an objective that is empty, not a number or infinite is a failed trial") {
  for (const char* text : {"", "NaN", "nan", "NA", "None", "null", "<NA>", "#N/A", "inf", "-inf",
                           "Inf", "Infinity", "4e400", "-4e400", " "}) {
    CAPTURE(text);
    const HistoryRows rows = read(fmt::format("lr,bs,amsgrad,x,loss\n1e-5,16,true,0,{}\n", text));
    REQUIRE(rows.observations.size() == 1);
    CHECK(rows.observations[0].status == bo::Status::failed);
  }
  const HistoryRows tiny = read("lr,bs,amsgrad,x,loss\n1e-5,16,true,0,1e-400\n");
  CHECK(tiny.observations[0].status == bo::Status::ok);
  CHECK(tiny.observations[0].y == 0.0);
  CHECK(error_of("lr,bs,amsgrad,x,loss\n1e-5,16,true,0,high\n") ==
        "h.csv:2: column 'loss': 'high' is not a number");
}

TEST_CASE("a status counts before the objective, in any letters") {
  const HistoryRows rows = read(
      "lr,bs,amsgrad,x,loss,status\n1e-5,16,true,0,0.1,OK\n1e-5,17,true,0,0.1,failed\n"
      "1e-5,18,true,0,,Pending\n1e-5,19,true,0,0.1,diverged\n1e-5,20,true,0,0.2,\n");
  std::vector<bo::Status> status;
  for (const auto& o : rows.observations) status.push_back(o.status);
  using enum bo::Status;
  CHECK(status == std::vector<bo::Status>{ok, failed, pending, failed, ok});
  CHECK(rows.lines == std::vector<int>{2, 3, 4, 5, 6});
  CHECK(error_of("lr,bs,amsgrad,x,loss,status\n1e-5,16,true,0,0.1,okay\n") ==
        "h.csv:2: column 'status': 'okay' is not ok, failed or pending");
}

TEST_CASE("all that is wrong with a history is named by line, column and value") {
  CHECK(error_of("lr,bs,amsgrad,x,loss\n3e-5,16.5,maybe,0.2,0.5\n1e-5,16,true,,0.5\n1,2\n") ==
        "h.csv:4: 2 fields where the header has 5\n"
        "h.csv:2: column 'lr': '3e-5' is not one of 1e-5, 2e-5, 5e-5; --outside keep takes it as "
        "knowledge\n"
        "h.csv:2: column 'bs': '16.5' is not a whole number\n"
        "h.csv:2: column 'amsgrad': 'maybe' is not one of true, false; --outside keep takes it as "
        "knowledge\n"
        "h.csv:2: column 'x': 0.2 is outside 0 to 0.1; --outside keep takes it as knowledge\n"
        "h.csv:3: column 'x': '' is not a number");
  CHECK(error_of("LR,bs,amsgrad,x,x,los\n") ==
        "h.csv:1: column 'lr': is missing; did you mean 'LR'?\n"
        "h.csv:1: column 'loss': is missing; did you mean 'los'?\n"
        "h.csv:1: column 'x': stands twice");
  std::string many = "lr,bs,amsgrad,x,loss\n";
  for (int i = 0; i < 100; ++i) many += "1e-5,16,true,0,?\n";
  CHECK(
      error_of(many).ends_with("h.csv:21: column 'loss': '?' is not a number\n"
                               "h.csv: and 80 more"));
}

TEST_CASE("columns that mean nothing are ignored, and named unless the program knows them") {
  CHECK(read("lr,bs,amsgrad,x,loss,wall,note\n1e-5,16,true,0,0.5,12 s,good\n").notes ==
        std::vector<std::string>{"h.csv: ignored, for they are columns of neither a variable nor "
                                 "an objective: note, wall"});
  CHECK(read("lr,bs,amsgrad,x,loss,status,,\n1e-5,16,true,0,0.5,ok,,\n").notes.empty());
}

TEST_CASE("rows can be chosen by what stands in other columns") {
  const std::string csv =
      "fold,kind,lr,bs,amsgrad,x,loss\n1,a,1e-5,16,true,0,0.5\n2.0,a,1e-5,17,true,0,0.6\n"
      "2,b,9,9,9,9,9\n";
  const HistoryRows rows = read(csv, kSpace, {.where = {{"fold", "2"}, {"kind", "a"}}});
  REQUIRE(rows.observations.size() == 1);
  CHECK(rows.observations[0].y == 0.6);
  CHECK(error_of(csv, kSpace, {.where = {{"folds", "2"}}}) ==
        "h.csv:1: column 'folds': is missing; did you mean 'fold'?");
  const HistoryRows none = read(csv, kSpace, {.where = {{"fold", "3"}, {"kind", "a"}}});
  CHECK(none.observations.empty());
  CHECK(none.notes.front() == "h.csv: no row is as --where asks: the search begins anew");
}

TEST_CASE("the program's own trials are one history a task") {
  const std::string header =
      "task,method,seed,trial,run,run_seed,status,lr,bs,amsgrad,x,incumbent,objective\n";
  const std::string one = "RTE,bo,0,0,abc,0,ok,1e-05,16,true,0,1,-0.7\n";
  const std::string two = "RTE,bo,0,1,abd,0,diverged,1e-05,16,true,0,0,nan\n";
  const std::string space = "objective: objective\n" + kSpace.substr(kSpace.find('\n') + 1);
  const HistoryRows rows = read(header + one + two, space);
  REQUIRE(rows.observations.size() == 2);
  CHECK(rows.observations[0].y == -0.7);
  CHECK(rows.observations[1].status == bo::Status::failed);
  CHECK(rows.notes.empty());
  const std::string other = "CoLA,bo,0,0,abc,0,collapsed,1e-05,16,true,0,1,-0.3\n";
  CHECK(error_of(header + one + other, space) ==
        "h.csv: trials of 2 tasks, each with an objective of its own; choose one, such as --where "
        "task=CoLA (there are: CoLA, RTE)");
  CHECK(read(header + one + other, space, {.where = {{"task", "CoLA"}}}).observations[0].y == -0.3);
  const std::string swa = "RTE,swa,0,0,abc,0,ok,1e-05,16,true,0,1,-0.6\n";
  CHECK(read(header + one + swa, space).notes ==
        std::vector<std::string>{"h.csv: trials of 2 methods count alike; --where method=NAME "
                                 "takes those of one (bo, swa)"});
}

TEST_CASE("rows outside the space are kept as knowledge when asked for") {
  SuggestSpace space = space_of(kSpace);
  const HistoryRows rows =
      read_history("lr,bs,amsgrad,x,loss\n1e-4,64,true,0.05,1\n1e-4,16,maybe,-2,2\n2e-5,8,1,0,3\n",
                   "h.csv", {.keep_outside = true}, space);
  CHECK(rows.observations[0].x == bo::Point{3, 64, 0, 0.05});
  CHECK(rows.observations[1].x == bo::Point{3, 16, 2, -2});
  CHECK(rows.observations[2].x == bo::Point{1, 8, 0, 0});
  CHECK(space.space.variables[0].values ==
        std::vector<std::string>{"1e-5", "2e-5", "5e-5", "1e-4"});
  CHECK(space.space.variables[0].retired == 1);
  CHECK(space.space.variables[2].retired == 1);
  CHECK(rows.notes ==
        std::vector<std::string>{
            "h.csv: column 'lr': '1e-4' is none of the values: kept as knowledge, never proposed",
            "h.csv: column 'amsgrad': 'maybe' is none of the values: kept as knowledge, never "
            "proposed",
            "h.csv: rows outside the bounds, kept as knowledge and never proposed: 2"});
  // What has no place on its axis is refused all the same.
  const std::string odd = R"(objective: loss
variables:
  lr: {type: real, low: 1e-6, high: 1e-3, scale: log}
  fixed: {type: real, low: 2, high: 2}
)";
  CHECK(error_of("lr,fixed,loss\n-1,3,1\n", odd, {.keep_outside = true}) ==
        "h.csv:2: column 'lr': -1 is outside 1e-06 to 0.001\n"
        "h.csv:2: column 'fixed': 3 is outside 2 to 2");
}

TEST_CASE("two objectives and their known noise are read with a direction each") {
  const std::string space = R"(objective: [loss, score]
goal: {score: maximise}
stddev: {loss: sd}
variance: {score: var}
variables: {x: {type: real, low: 0, high: 1}}
)";
  const HistoryRows rows =
      read("x,loss,score,sd,var\n0,1,2,3,4\n0.1,1,2,,NaN\n0.2,1,,0,0\n", space);
  CHECK(rows.observations[0].y == 1.0);
  CHECK(rows.observations[0].y2 == -2.0);
  CHECK(rows.observations[0].noise_variance == 9.0);
  CHECK(rows.observations[0].noise_variance2 == 4.0);
  CHECK(std::isnan(rows.observations[1].noise_variance));
  CHECK(std::isnan(rows.observations[1].noise_variance2));
  CHECK(rows.observations[2].status == bo::Status::failed);
  CHECK(error_of("x,loss,score,sd,var\n0,1,2,-3,-4\n", space) ==
        "h.csv:2: column 'sd': a standard deviation of -3\n"
        "h.csv:2: column 'var': a variance of -4");
  CHECK(error_of("x,loss,score,sd\n", space) == "h.csv:1: column 'var': is missing");
}

TEST_CASE("what does not exist in a row is not looked at, wherever its parent stands") {
  const std::string space = R"(objective: loss
variables:
  damping: {type: real, low: 0, high: 1, when: {nesterov: true}}
  momentum: {type: real, low: 0, high: 1, when: {optimizer: sgd}}
  nesterov: {type: choice, values: [false, true], when: {optimizer: sgd}}
  optimizer: {type: choice, values: [adam, sgd]}
)";
  const HistoryRows rows = read(
      "optimizer,nesterov,momentum,damping,loss\nadam,,,,1\nadam,NaN,none,7,1\n"
      "sgd,False,0.9,,1\nsgd,TRUE,0.9,0.5,1\n",
      space);
  CHECK(rows.observations[0].x == bo::Point{0, 0, 0, 0});
  CHECK(rows.observations[1].x == bo::Point{0, 0, 0, 0});
  CHECK(rows.observations[2].x == bo::Point{0, 0.9, 0, 1});
  CHECK(rows.observations[3].x == bo::Point{0.5, 0.9, 1, 1});
  CHECK(error_of("optimizer,nesterov,momentum,loss\nadam,,,1\nsgd,true,,1\n", space) ==
        "h.csv:3: column 'damping': is missing, and the variable exists here\n"
        "h.csv:3: column 'momentum': '' is not a number");
}

TEST_CASE("weights with a few digits are weights, and nothing is a value where None is one") {
  const std::string space = R"(variables:
  w: {type: simplex, size: 3}
  penalty: {type: choice, values: [none, l2]}
)";
  const HistoryRows rows =
      read("w_1,w_2,w_3,penalty,y\n0.333,0.333,0.333,,1\n0,0,1,None,2\n", space);
  CHECK(rows.observations[0].x[1] == doctest::Approx(1.0 / 3.0));
  CHECK(rows.observations[0].x[0] + rows.observations[0].x[1] + rows.observations[0].x[2] ==
        doctest::Approx(1.0).epsilon(1e-15));
  CHECK(rows.observations[0].x[3] == 0.0);
  CHECK(rows.observations[1].x[3] == 0.0);
}

TEST_CASE("what the acquisitions nominated is read back; without it hedge is told") {
  const std::string text = "variables: {x: {type: real, low: 0, high: 1}}\n";
  SuggestSpace space = space_of(text);
  CHECK(space.nominee_columns() ==
        std::vector<std::string>{"hedge_ei_x", "hedge_logei_x", "hedge_pi_x", "hedge_ucb_x"});
  const HistoryRows rows =
      read("x,y,hedge_ei_x,hedge_logei_x,hedge_pi_x,hedge_ucb_x\n0,1,,,,\n0.1,2,0.1,0.2,1.5,0.4\n",
           text, {.hedge = true});
  CHECK(rows.observations[0].nominees.empty());
  CHECK(rows.observations[1].nominees ==
        std::vector<double>{0.1, 0.2, 1.5, 0.4});  // since narrowed
  CHECK(rows.notes.empty());
  CHECK(read("x,y\n0,1\n", text, {.hedge = true}).notes ==
        std::vector<std::string>{
            "h.csv: no columns hedge_ei_x to hedge_ucb_x: hedge knows nothing of what it did "
            "before"});
}
