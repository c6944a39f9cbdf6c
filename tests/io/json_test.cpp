#include "io/json.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "io/error.hpp"

using runner::InputError;
using runner::io::Json;
using runner::io::parse_json;
using runner::io::whole_number;

TEST_CASE("a whole number is one that its type holds") {
  CHECK(whole_number<int>(Json(7)) == 7);
  CHECK(whole_number<int>(Json(7u)) == 7);
  CHECK(whole_number<int>(parse_json("2147483647", "x")) == 2147483647);
  CHECK(whole_number<int>(parse_json("-2147483648", "x")) == std::numeric_limits<int>::min());
  CHECK(whole_number<std::uint64_t>(parse_json("18446744073709551615", "x")) ==
        std::numeric_limits<std::uint64_t>::max());
  for (const char* text :
       {"2147483648", "-2147483649", "4294967297", "1e38", "-1e38", "1.5", "1e2",
        "18446744073709551615", "18446744073709551616", "true", "\"7\"", "null", "[7]"}) {
    CAPTURE(text);
    CHECK_FALSE(whole_number<int>(parse_json(text, "x")));
  }
  CHECK_FALSE(whole_number<std::uint8_t>(Json(256)));
  CHECK_FALSE(whole_number<std::uint64_t>(Json(-1)));
  CHECK_FALSE(whole_number<std::int64_t>(parse_json("9223372036854775808", "x")));
}

TEST_CASE("every way to a whole number is exact or refused") {
  const Json json = parse_json(R"({"fits": 5, "huge": 1e38, "half": 2.5, "wraps": 4294967297,
                                   "flag": true, "list": [1, 2, 1e38], "map": {"a": 1e38}})",
                               "x");
  CHECK(json.at("fits").get<int>() == 5);
  CHECK(json.value("fits", 0) == 5);
  CHECK(json.value("absent", 3) == 3);
  CHECK(json.at("huge").get<double>() == 1e38);
  for (const char* key : {"huge", "half", "wraps", "flag"}) {
    CAPTURE(key);
    int number = 3;
    CHECK_THROWS_AS(json.at(key).get<int>(), Json::type_error);
    CHECK_THROWS_AS(json.at(key).get_to(number), Json::type_error);
    CHECK_THROWS_AS(static_cast<void>(json.value(key, 0)), Json::type_error);
    CHECK(number == 3);
  }
  CHECK(json.at("wraps").get<std::int64_t>() == 4294967297);
  CHECK_THROWS_AS(json.at("list").get<std::vector<int>>(), Json::type_error);
  CHECK_THROWS_AS((json.at("map").get<std::map<std::string, int>>()), Json::type_error);
  CHECK_THROWS_WITH(
      json.at("huge").get<int>(),
      doctest::Contains("a whole number from -2147483648 to 2147483647 is needed, not 1e+38"));
}

TEST_CASE("what is no JSON value is refused by its name") {
  const auto complaint = [](const std::string& text) -> std::string {
    try {
      parse_json(text, "x.json");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(complaint("") == "x.json: is empty, not JSON");
  CHECK(complaint("{\"a\"").starts_with("x.json: malformed JSON at byte 5: "));
  CHECK(complaint("1 2").starts_with("x.json: malformed JSON at byte 3: "));
  CHECK(complaint("1e400") == "x.json: a number in it is larger than any double");
  CHECK(complaint(std::string(100, '[') + std::string(100, ']')).empty());
  CHECK(complaint(std::string(101, '[') + std::string(101, ']')) ==
        "x.json: nested more than 100 deep at byte 101");
  CHECK(complaint("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '[') + "\"").empty());
}
