#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <optional>

#include "bo/acquisition.hpp"
#include "bo/fit.hpp"
#include "bo/gp.hpp"
#include "bo/normal.hpp"
#include "io/csv.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "places.hpp"

namespace runner::bo {
namespace {

using Json = io::Json;

// The independent numbers of ../shared/reference/gp (NumPy, SciPy, 50-digit mpmath, GPyTorch).
std::optional<std::filesystem::path> reference() {
  const auto folder = shared_folder("RUNNER_REFERENCE", "reference");
  if (!folder) return std::nullopt;
  return *folder / "gp";
}

// The numbers of a CSV file below its header.
arma::mat numbers(const std::filesystem::path& file) {
  const auto records = io::parse_csv(io::read_file(file), file.string());
  arma::mat out(records.size() - 1, records[0].fields.size());
  for (std::size_t r = 1; r < records.size(); ++r) {
    for (std::size_t c = 0; c < records[r].fields.size(); ++c) {
      REQUIRE(io::parse_number(records[r].fields[c], out(r - 1, c)));
    }
  }
  return out;
}

struct Case {
  Json json;
  Data data;
  Hyperparameters hyperparameters;
  arma::mat tests;
};

std::vector<Case> matern_cases(const std::filesystem::path& folder) {
  const auto train = numbers(folder / "train.csv");
  const Json all = Json::parse(io::read_file(folder / "reference.json"));
  std::vector<Case> cases;
  for (const Json& json : all["cases"]) {
    if (json["kernel"] != "matern52") continue;
    Case& c = cases.emplace_back();
    c.json = json;
    c.tests = numbers(folder / "test.csv");
    c.data = {.x = train.head_cols(3),
              .groups = {0, 1, 2},
              .lengthscales = 3,
              .y = train.col(3),
              .known_noise = arma::vec(train.n_rows, arma::fill::value(arma::datum::nan))};
    c.hyperparameters = {arma::vec(json["lengthscales"].get<std::vector<double>>()),
                         json["outputscale"].get<double>(), json["noise"].get<double>(),
                         json["mean"].get<double>()};
  }
  REQUIRE(cases.size() == 3);
  return cases;
}

void check_close(double actual, const Json& expected, double tolerance) {
  const double value = expected.get<double>();
  CAPTURE(actual);
  CAPTURE(value);
  CHECK(std::abs(actual - value) <= tolerance * std::max(1.0, std::abs(value)));
}

TEST_CASE("reference: likelihood and gradient") {
  const auto folder = reference();
  if (!folder) return;
  for (const Case& c : matern_cases(*folder)) {
    CAPTURE(c.json["name"].get<std::string>());
    MarginalLikelihood likelihood(c.data);
    check_close(likelihood.at(c.hyperparameters), c.json["log_marginal_likelihood"], 1e-10);
    const MarginalLikelihood::Gradient l = likelihood.gradient();
    const Json& gradient = c.json["gradient"];
    for (std::size_t i = 0; i < 3; ++i) {
      check_close(l.by_log_lengthscale[i], gradient["dlog_lengthscales"][i], 1e-8);
    }
    check_close(l.by_log_outputscale, gradient["dlog_outputscale"], 1e-8);
    check_close(l.by_log_noise, gradient["dlog_noise"], 1e-8);
    check_close(l.by_mean, gradient["dmean"], 1e-8);
  }
}

TEST_CASE("reference: posterior, its input gradients, and leave-one-out") {
  const auto folder = reference();
  if (!folder) return;
  for (const Case& c : matern_cases(*folder)) {
    CAPTURE(c.json["name"].get<std::string>());
    const Gp gp(c.data, c.hyperparameters);
    CHECK(gp.jitter() == 0.0);
    arma::vec mean, variance;
    gp.predict(c.tests, mean, variance);
    for (arma::uword t = 0; t < c.tests.n_rows; ++t) {
      CAPTURE(t);
      const Gp::Posterior p = gp.predict(c.tests.row(t).t());
      const Gp::Gradients gradients = gp.gradients(p);
      check_close(p.mean, c.json["posterior_mean"][t], 1e-10);
      check_close(p.variance, c.json["posterior_var"][t], 1e-10);
      check_close(mean(t), c.json["posterior_mean"][t], 1e-10);
      check_close(variance(t), c.json["posterior_var"][t], 1e-10);
      for (std::size_t f = 0; f < 3; ++f) {
        check_close(gradients.mean(f), c.json["dmean_dx"][t][f], 1e-8);
        check_close(gradients.variance(f), c.json["dvar_dx"][t][f], 1e-8);
      }
    }
    const LeaveOneOut loo = gp.leave_one_out();
    for (std::size_t i = 0; i < c.data.y.size(); ++i) {
      check_close(loo.mean[i], c.json["loo_mean"][i], 1e-10);
      check_close(loo.variance[i], c.json["loo_var"][i], 1e-10);
    }
    check_close(loo.log_density, c.json["loo_log_predictive"], 1e-8);
  }
}

TEST_CASE("reference: acquisitions and the gradient of LogEI") {
  const auto folder = reference();
  if (!folder) return;
  for (const Case& c : matern_cases(*folder)) {
    CAPTURE(c.json["name"].get<std::string>());
    const Gp gp(c.data, c.hyperparameters);
    for (const double sign : {1.0, -1.0}) {  // our minimisation, and maximisation of -y
      const Json& block = c.json[sign > 0.0 ? "minimise" : "maximise"];
      const AcquisitionContext context{sign * block["best_f"].get<double>(), 4.0};
      for (arma::uword t = 0; t < c.tests.n_rows; ++t) {
        CAPTURE(t);
        const Gp::Posterior p = gp.predict(c.tests.row(t).t());
        const Gp::Gradients gradients = gp.gradients(p);
        const Prediction here{sign * p.mean, std::sqrt(p.variance)};
        const auto value = [&](std::string_view name) {
          return acquisitions_of(name).front()->function(here, context);
        };
        check_close(value("ei").value, block["EI"][t], 1e-10);
        check_close(value("logei").value, block["LogEI"][t], 1e-8);
        check_close(value("pi").value, block["PI"][t], 1e-10);
        check_close(-sign * value("ucb").value, c.json[sign > 0.0 ? "LCB" : "UCB"][t], 1e-10);
        const AcquisitionValue log_ei = value("logei");
        for (std::size_t f = 0; f < 3; ++f) {
          check_close(log_ei.by_mean * sign * gradients.mean(f) +
                          log_ei.by_stddev * gradients.variance(f) / (2.0 * here.stddev),
                      block["dLogEI_dx"][t][f], 1e-6);
        }
      }
    }
  }
}

TEST_CASE("reference: priors") {
  const auto folder = reference();
  if (!folder) return;
  for (const Case& c : matern_cases(*folder)) {
    const Hyperparameters& h = c.hyperparameters;
    const double location = std::sqrt(2.0) + 0.5 * std::log(3.0);
    const LogNormal vanilla{arma::vec(3, arma::fill::value(location)),
                            arma::vec(3, arma::fill::value(std::sqrt(3.0)))};
    check_close(vanilla.log_density(arma::log(h.lengthscales)), c.json["log_prior_lengthscales"],
                1e-12);
    check_close(LogNormal{{-4.0}, {1.0}}.log_density({std::log(h.noise)}),
                c.json["log_prior_noise"], 1e-12);
  }
}

TEST_CASE("reference: log h and its derivative from z = 10 to -1e8") {
  const auto folder = reference();
  if (!folder) return;
  const Json all = Json::parse(io::read_file(*folder / "reference.json"));
  for (const Json& row : all["log_h_table"]) {
    const double z = row["z"].get<double>();
    CAPTURE(z);
    CHECK(log_h(z) ==
          doctest::Approx(std::stod(row["log_h_mp50"].get<std::string>())).epsilon(1e-12));
    CHECK(dlog_h(z) == doctest::Approx(row["dlog_h"].get<double>()).epsilon(1e-12));
    CHECK(normal_cdf(z) == doctest::Approx(row["Phi"].get<double>()).epsilon(1e-12));
  }
  const Json& tail = all["deep_tail"];
  const double sd = tail["sd"].get<double>();
  check_close(std::log(sd) + log_h(-40.0), tail["LogEI"], 1e-12);
}

}  // namespace
}  // namespace runner::bo
