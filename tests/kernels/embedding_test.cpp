#include "kernels/embedding.hpp"

#include <doctest/doctest.h>

#include <map>
#include <tuple>

#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;
using samples::Floats;

namespace {

struct Case {
  std::int64_t rows, width;
  Dropout dropout = {};
  std::int64_t vocabulary = 11, places = 7, kinds = 2;
  std::vector<std::int32_t> ids = draw(vocabulary, 1);
  std::vector<std::int32_t> positions = draw(places, 2);
  std::vector<std::int32_t> types = draw(kinds, 3);
  Floats word = table(vocabulary, 4);
  Floats position = table(places, 5);
  Floats type = table(kinds, 6);
  Floats dy = table(rows, 9);
  Floats dy_product = table(rows, 10);
  samples::Norm norm = {.rows = rows, .width = width, .eps = 1e-12F};

  Floats table(std::int64_t count, std::uint64_t seed) const {
    return samples::normal(static_cast<std::size_t>(count * width), seed);
  }
  std::vector<std::int32_t> draw(std::int64_t below, std::uint64_t seed) const {
    runner::random::Stream stream(seed);
    std::vector<std::int32_t> values(static_cast<std::size_t>(rows));
    for (auto& v : values) {
      v = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(below)));
    }
    return values;
  }
  Embedding embedding() {
    return {.rows = rows,
            .width = width,
            .ids = ids.data(),
            .positions = positions.data(),
            .types = types.data(),
            .word = word.data(),
            .position = position.data(),
            .type = type.data(),
            .norm = norm.view(),
            .dropout = dropout};
  }
};

// Of word, position and type table, gamma and beta.
std::vector<Doubles> arguments(const Case& c) {
  return {samples::doubles(c.word), samples::doubles(c.position), samples::doubles(c.type),
          samples::doubles(c.norm.gamma), samples::doubles(c.norm.beta)};
}

Doubles reference(const Case& c, const std::vector<Doubles>& values) {
  const auto& [word, position, type, gamma, beta] =
      std::tie(values[0], values[1], values[2], values[3], values[4]);
  Doubles y;
  const auto width = static_cast<std::size_t>(c.width);
  for (std::size_t r = 0; r < c.ids.size(); ++r) {
    Doubles s(width);
    double mean = 0.0, variance = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      const auto at = [&](const Doubles& table, std::int32_t row) {
        return table[static_cast<std::size_t>(row) * width + i];
      };
      s[i] = at(word, c.ids[r]) + at(position, c.positions[r]) + at(type, c.types[r]);
      mean += s[i] / static_cast<double>(width);
    }
    for (const double v : s) variance += (v - mean) * (v - mean) / static_cast<double>(width);
    for (std::size_t i = 0; i < width; ++i) {
      const bool kept =
          keeps(c.dropout, 0, static_cast<std::int64_t>(r), static_cast<std::int64_t>(i), c.width);
      const double factor = kept ? samples::value(c.dropout.scale) : 0.0;
      y.push_back(factor * ((s[i] - mean) / std::sqrt(variance + 1e-12) * gamma[i] + beta[i]));
    }
  }
  return y;
}

}  // namespace

TEST_CASE("the embedding matches its definition and central differences") {
  samples::on_every_target([] {
    for (const std::int64_t width : {6, 19, 32}) {
      Case c{.rows = 21, .width = width, .dropout = dropout(0.25, 5, 1)};
      embedding_forward(c.embedding(), 0, 8);
      embedding_forward(c.embedding(), 8, c.rows);
      const std::vector<Doubles> at = arguments(c);
      const Doubles expected = reference(c, at);
      samples::check_close(c.norm.y, expected, 5e-6, 1e-6);
      samples::check_close(c.norm.y_bf16, expected, 5e-6, 0x1.01p-8);

      const std::int64_t blocks = row_blocks(c.rows);
      Floats dsum(c.dy.size()), partials(static_cast<std::size_t>(blocks * 2 * width)),
          sums(static_cast<std::size_t>(2 * width));
      embedding_backward(c.embedding(), c.dy.data(), c.dy_product.data(), dsum.data(),
                         partials.data(), 1, blocks);
      embedding_backward(c.embedding(), c.dy.data(), c.dy_product.data(), dsum.data(),
                         partials.data(), 0, 1);
      sum_partials(partials.data(), blocks, 2 * width, sums.data(), false, 0, 2 * width);
      const auto gradient_of = [&](std::size_t argument) {
        return samples::loss_gradient([&](const auto& moved) { return reference(c, moved); }, at,
                                      argument, c.dy, c.dy_product);
      };
      const std::vector<std::pair<std::vector<std::int32_t>, Floats*>> tables = {
          {c.ids, &c.word}, {c.positions, &c.position}, {c.types, &c.type}};
      for (std::size_t i = 0; i < tables.size(); ++i) {
        const RowGroups groups = group_rows(tables[i].first);
        Floats gradient(tables[i].second->size(), 0.0F);
        sum_groups_into_table(groups, dsum.data(), width, gradient.data(), false, 0, groups.size());
        samples::check_close(gradient, gradient_of(i), 5e-5, 1e-4);
      }
      samples::check_close(Floats(sums.begin(), sums.begin() + width), gradient_of(3), 5e-5, 1e-5);
      samples::check_close(Floats(sums.begin() + width, sums.end()), gradient_of(4), 5e-5, 1e-5);
    }
  });
}

TEST_CASE("a bf16 gradient of the embedding counts as its fp32 value") {
  Case c{.rows = 20, .width = 24, .dropout = dropout(0.1, 5, 1)};
  embedding_forward(c.embedding(), 0, c.rows);
  std::vector<Bf16> narrow(c.dy_product.size());
  const auto count = static_cast<std::int64_t>(narrow.size());
  cast(c.dy_product.data(), narrow.data(), 0, count);
  cast(narrow.data(), c.dy_product.data(), 0, count);
  Floats a(c.dy.size()), b(c.dy.size());
  embedding_backward(c.embedding(), c.dy.data(), narrow.data(), a.data(), nullptr, 0, 2);
  embedding_backward(c.embedding(), c.dy.data(), c.dy_product.data(), b.data(), nullptr, 0, 2);
  CHECK(a == b);
}

TEST_CASE("tokens are grouped by table row in ascending order") {
  const std::vector<std::int32_t> ids = {5, 2, 5, 9, 2, 5};
  const RowGroups groups = group_rows(ids);
  CHECK(groups.rows == std::vector<std::int32_t>{2, 5, 9});
  CHECK(groups.starts == std::vector<std::int32_t>{0, 2, 5, 6});
  CHECK(groups.members == std::vector<std::int32_t>{1, 4, 0, 2, 5, 3});
  CHECK(group_rows({}).size() == 0);
}

TEST_CASE("group sums are compact or in the table, set or add, and no split changes them") {
  samples::on_every_target([] {
    const std::int64_t width = 21;
    const std::vector<std::int32_t> ids = {5, 2, 5, 9, 2, 5};
    const auto source = samples::normal(ids.size() * static_cast<std::size_t>(width), 1);
    const RowGroups groups = group_rows(ids);
    std::map<std::int32_t, Doubles> expected;
    for (std::size_t t = 0; t < ids.size(); ++t) {
      Doubles& row = expected[ids[t]];
      row.resize(static_cast<std::size_t>(width));
      for (std::size_t c = 0; c < row.size(); ++c) {
        row[c] += samples::value(source[t * static_cast<std::size_t>(width) + c]);
      }
    }
    Floats compact(static_cast<std::size_t>(3 * width), 7.0F);
    sum_groups(groups, source.data(), width, compact.data(), false, 2, 3);
    sum_groups(groups, source.data(), width, compact.data(), false, 0, 2);
    Floats table(static_cast<std::size_t>(10 * width), 7.0F);
    sum_groups_into_table(groups, source.data(), width, table.data(), true, 0, 3);
    for (std::int64_t row = 0; row < 10; ++row) {
      const Floats got(table.begin() + row * width, table.begin() + (row + 1) * width);
      Doubles want(static_cast<std::size_t>(width), 7.0);
      if (const auto found = expected.find(static_cast<std::int32_t>(row));
          found != expected.end()) {
        for (std::size_t c = 0; c < want.size(); ++c) want[c] += found->second[c];
        const auto g = std::distance(expected.begin(), found);
        samples::check_close(Floats(compact.begin() + g * width, compact.begin() + (g + 1) * width),
                             found->second, 1e-6);
      }
      samples::check_close(got, want, 2e-6);
    }
  });
}
