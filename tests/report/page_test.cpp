#include "report/page.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

#include "../experiment/fake_trainer.hpp"
#include "experiment/run.hpp"
#include "io/json.hpp"
#include "report/study.hpp"

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

spec::Spec page_spec(const std::filesystem::path& runs) {
  std::vector<spec::Method> methods = {method("fine_tune", Search::none, "last")};
  for (const spec::Method& pair : pairs()) methods.push_back(pair);
  return fake_spec(runs, methods);
}

// The page's data, read as a browser would: what lies between the element's tags.
io::Json data_of(const std::string& page) {
  const std::string open = R"(<script type="application/json" id="data">)";
  const std::size_t begin = page.find(open) + open.size();
  return io::Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

std::string page_of(const spec::Spec& spec) {
  const report::Study study(spec);
  return report::page_html({&study.all(), 1});
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE(
    "the page holds every cell, the comparison's verdict and no mark that was left unfilled") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = page_spec(folder.path);
  run(spec, trainer, {}, {});
  const std::string page = page_of(spec);
  for (const char* mark : {"@TITLE@", "@STYLE@", "@DATA@", "@VEGA@", "@CHARTS@", "@SCRIPT@"}) {
    CAPTURE(mark);
    CHECK(page.find(mark) == std::string::npos);
  }
  const io::Json shown = data_of(page)["runs"][0];
  CHECK(shown["scores"]["rows"].size() == list_cells(spec).size());
  CHECK(shown["means"]["rows"].size() == spec.methods.size() * (spec.tasks.size() + 1));
  CHECK(shown["comparisons"]["rows"].size() >= spec.comparisons.size());
  CHECK(shown["name"] == spec.name);
}

TEST_CASE("mixes between the last snapshot and the mean have their place on that segment") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = page_spec(folder.path);
  run(spec, trainer, {}, {});
  const io::Json inner = data_of(page_of(spec))["runs"][0]["inner"];
  std::map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < inner["columns"].size(); ++i) at[inner["columns"][i]] = i;
  int ends = 0, means = 0, others = 0;
  for (const io::Json& row : inner["rows"]) {
    const io::Json& segment = row[at.at("segment")];
    const double distance = row[at.at("distance")];
    if (segment.is_null()) {
      ++others;
      continue;
    }
    CHECK(std::abs(distance + segment.get<double>() - 1.0) < 2e-4);  // both of four digits
    if (segment == 0.0) ++ends;
    if (segment == 1.0) ++means;
  }
  CHECK(ends > 0);
  CHECK(means > 0);
  CHECK(others > 0);
}

TEST_CASE("no name can become markup: neither ends the data nor adds an element") {
  const Folder folder;
  FakeTrainer trainer;
  spec::Spec spec = page_spec(folder.path);
  const std::string plain = page_of(spec);
  const std::string hostile = "</script><img src=x onerror=alert(1)>\xFF&\"'";
  spec.methods[0].name = hostile;
  spec.tasks[0].task.name = hostile;
  spec.model = "/models/<b>bold";
  spec::choose_comparisons(spec);
  const std::string page = page_of(spec);
  CHECK(count(page, "<script") == count(plain, "<script"));
  CHECK(count(page, "<img") == count(plain, "<img"));
  CHECK(count(page, "<b>") == count(plain, "<b>"));
  CHECK(data_of(page)["runs"][0]["methods"][0].get<std::string>().starts_with("</script><img"));
}

TEST_CASE("the page is the same bytes whenever it is made, and but for seconds from any process") {
  const Folder one, other;
  FakeTrainer trainer;
  const spec::Spec first = page_spec(one.path), second = page_spec(other.path);
  run(first, trainer, {}, {});
  RunOptions options;
  options.workers = 3;
  run(second, trainer, options, {});
  CHECK(page_of(first) == page_of(first));
  io::Json shown[] = {data_of(page_of(first)), data_of(page_of(second))};
  for (io::Json& page : shown) {
    page["runs"][0].erase("cards");
    for (io::Json& row : page["runs"][0]["progress"]["rows"]) row.erase(4);  // seconds
  }
  CHECK(shown[0]["runs"][0]["progress"]["columns"][4] == "seconds");
  CHECK(shown[0] == shown[1]);
}

TEST_CASE("the first screen says the verdict in words, with its interval") {
  const Folder folder;
  FakeTrainer trainer;
  spec::Spec spec = page_spec(folder.path);
  spec.methods.push_back(method("bo", Search::bo, "best", "logei"));
  spec::choose_comparisons(spec);
  run(spec, trainer, {}, {});
  io::Json shown = data_of(page_of(spec))["runs"][0];
  REQUIRE(spec.primary);
  REQUIRE(shown["verdicts"].size() == 1);
  const std::string text = shown["verdicts"][0]["text"];
  CHECK(text.find(spec.primary->method) != std::string::npos);
  CHECK(text.find(spec.primary->against) != std::string::npos);
  CHECK(shown["verdicts"][0]["detail"].get<std::string>().find("95 % interval [") !=
        std::string::npos);
  CHECK(shown["family"].get<std::string>().starts_with("Of the other"));
  CHECK(shown["best"]["rows"].size() == spec.tasks.size());
  CHECK(shown["asked"].get<std::string>().find("INCOMPLETE") == std::string::npos);
  spec.seeds.push_back(9);
  CHECK(data_of(page_of(spec))["runs"][0]["asked"].get<std::string>().find("INCOMPLETE: ") !=
        std::string::npos);
  // A single seed has an interval over rows alone, which the page says.
  spec.seeds = {0};
  shown = data_of(page_of(spec))["runs"][0];
  CHECK(shown["verdicts"][0]["detail"].get<std::string>().find("for these trained models") !=
        std::string::npos);
}

TEST_CASE("several experiments stand side by side, with the fields in which they differ") {
  const Folder folder;
  spec::Spec one = page_spec(folder.path), two = page_spec(folder.path);
  two.name = "other";
  two.max_train_rows = 77;
  const report::Study first(one), second(two);
  const report::Comparing both[] = {first.all(), second.all()};
  const io::Json shown = data_of(report::page_html(both));
  REQUIRE(shown["runs"].size() == 2);
  CHECK(shown["differences"]["columns"] == io::Json{"field", one.name, "other"});
  REQUIRE(shown["differences"]["rows"].size() == 1);
  CHECK(shown["differences"]["rows"][0][0] == "data.max_train_rows");
}
