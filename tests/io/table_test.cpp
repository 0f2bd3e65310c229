// If this failed, tables would be learned from wrongly: fields split amiss, columns mixed up, classes
// swapped, or the values of new data placed in other features than those the model was trained on.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "io/csv.h"
#include "io_files.h"

namespace halfwave {
namespace {

using namespace halfwave::testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::vector<std::string>> rows_of(const std::string& text, char separator = ',') {
  const std::string path = "t.csv";
  RowReader reader(path, text, separator, 0, 1);
  std::vector<std::vector<std::string>> rows;
  while (reader.next()) rows.emplace_back(reader.fields().begin(), reader.fields().end());
  return rows;
}

TEST(Csv, QuotesLineEndsBlanksAndEmptyLines) {
  using Rows = std::vector<std::vector<std::string>>;
  EXPECT_EQ(rows_of("a,b\r\n1, 2 \r\n"), (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(rows_of("a,\"b,\"\"c\"\"\nd\"\n\n \n,x"), (Rows{{"a", "b,\"c\"\nd"}, {"", "x"}}));
  EXPECT_EQ(rows_of("a\rb\r"), (Rows{{"a"}, {"b"}}));
  EXPECT_EQ(rows_of("\"\"\n"), (Rows{{""}}));
  EXPECT_EQ(rows_of("a,b,\n"), (Rows{{"a", "b", ""}}));
  EXPECT_EQ(rows_of("a\t\tb c\n", '\t'), (Rows{{"a", "", "b c"}}));
  EXPECT_EQ(rows_of(" \"x \" ;y\n", ';'), (Rows{{"x ", "y"}}));
  EXPECT_THROW(rows_of("a,\"b\n"), Error);
  EXPECT_THROW(rows_of("\"a\"b,c\n"), Error);
}

// Whatever the fields hold: quoted as RFC 4180 says, they are read back.
TEST(Csv, AnyTextSurvivesQuoting) {
  std::mt19937 random(1);
  const std::string letters = "ab ,;\"\n\r\t'\xC3\xA9";
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::vector<std::string>> rows(1 + random() % 4, std::vector<std::string>(1 + random() % 4));
    std::string text;
    for (auto& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        for (auto n = random() % 6; n > 0; --n) row[i] += letters[random() % letters.size()];
        text += i > 0 ? ",\"" : "\"";
        for (const char c : row[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
        text += '"';
      }
      text += trial % 2 == 0 ? "\n" : "\r\n";
    }
    EXPECT_EQ(rows_of(text), rows);
  }
}

TEST(Csv, FieldsAreClassified) {
  double value = 0;
  for (const char* text : {"", "?", "NA", "na", "N/A", "nan", "NaN", "NULL"})
    EXPECT_EQ(classify(text, value), Field::missing) << text;
  for (const char* text : {"x", "1x", "1 2", "-", "+", ".", "nano", "n", "1,5"})
    EXPECT_EQ(classify(text, value), Field::text) << text;
  for (const char* text : {"inf", "-inf", "1e39", "1e400", "-1e400"})
    EXPECT_EQ(classify(text, value), Field::infinite) << text;
  for (const auto& [text, expected] :
       {std::pair("1", 1.0), {"-2.5", -2.5}, {"+3", 3.0}, {"1e3", 1000.0}, {".5", 0.5}, {"1e-400", 0.0}}) {
    EXPECT_EQ(classify(text, value), Field::number) << text;
    EXPECT_EQ(value, expected);
  }
}

Dataset whole(const std::string& path, const std::string& target = "", const std::string& task = "auto") {
  DataOptions options = options_for(path);
  options.validation = 0;
  options.target = target;
  options.task = task;
  return load_dataset(options);
}

const std::string kPets = "name,kind,weight,age\nRex,dog,20.5,3\nTom,cat,4,?\nKit,cat,3.5,2\nBob,dog,,7\n";

TEST(Table, ColumnsBecomeFeatures) {
  const Folder folder;
  const Dataset data = whole(folder.write("pets.csv", kPets), "kind");
  EXPECT_EQ(data.name, "pets");
  EXPECT_EQ(data.schema.task, Task::classification);
  EXPECT_EQ(data.schema.target, "kind");
  EXPECT_THAT(data.schema.classes, ElementsAre("cat", "dog"));
  EXPECT_THAT(data.feature_names,
              ElementsAre("weight", "age", "name=Bob", "name=Kit", "name=Rex", "name=Tom"));
  EXPECT_THAT(data.schema.shape, ElementsAre(6));
  EXPECT_THAT(data.train.labels, ElementsAre(1, 0, 0, 1));
  const float mean_weight = (20.5f + 4 + 3.5f) / 3;
  EXPECT_FLOAT_EQ(data.schema.columns[0].fill, mean_weight);
  EXPECT_FLOAT_EQ(data.schema.columns[1].fill, 4);
  const std::vector<float> expected{20.5f, 3, 0, 0, 1, 0, 4,           4, 0, 0, 0, 1,
                                    3.5f,  2, 0, 1, 0, 0, mean_weight, 7, 1, 0, 0, 0};
  EXPECT_THAT(floats(data.train), ::testing::Pointwise(::testing::FloatEq(), expected));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("'weight': 1 missing")));
}

TEST(Table, TheSameInEveryDressing) {
  const Folder folder;
  const Dataset plain = whole(folder.write("a.csv", kPets), "kind");
  std::string semicolons = kPets, tabs = kPets, windows;
  std::replace(semicolons.begin(), semicolons.end(), ',', ';');
  std::replace(tabs.begin(), tabs.end(), ',', '\t');
  for (const char c : kPets)
    windows += c == '\n' ? std::string(" \r\n") : c == ',' ? std::string(" , ") : std::string(1, c);
  for (const auto& [name, text] : {std::pair<std::string, std::string>{"b.csv", semicolons},
                                   {"c.tsv", tabs},
                                   {"d.data", windows},
                                   {"e.csv", "\xEF\xBB\xBF" + kPets},
                                   {"f.csv.gz", gzipped(kPets)},
                                   {"g.csv.gz", gzipped(kPets.substr(0, 30)) + gzipped(kPets.substr(30))}}) {
    const Dataset other = whole(folder.write(name, text), "kind");
    EXPECT_EQ(floats(other.train), floats(plain.train)) << name;
    EXPECT_EQ(other.train.labels, plain.train.labels) << name;
    EXPECT_EQ(other.feature_names, plain.feature_names) << name;
  }
}

TEST(Table, TargetByNameNumberAndDefault) {
  const Folder folder;
  const std::string file = folder.write("a.csv", kPets);
  for (const char* target : {"kind", "1", "-3"}) EXPECT_EQ(whole(file, target).schema.target, "kind");
  EXPECT_EQ(whole(folder.write("b.csv", "a,b\n1,x\n2,y\n3,x\n")).schema.target, "b");
  EXPECT_EQ(whole(folder.write("c.csv", "2,0\n1,5\n2,6\n3,6\n"), "0").schema.target,
            "0");  // the name before the number
  expect_error(ErrorKind::usage, {"no column 'kidn'", "'kind'"}, [&] { whole(file, "kidn"); });
  expect_error(ErrorKind::usage, {"no column 4", "0 … 3"}, [&] { whole(file, "4"); });
  expect_error(ErrorKind::usage, {"no column -5"}, [&] { whole(file, "-5"); });
}

TEST(Table, TheTaskFollowsTheTarget) {
  const Folder folder;
  const auto targets = [&](int n, const std::string& end) {
    std::string text = "a,b\n";
    for (int i = 0; i < 2 * n; ++i) text += std::to_string(i) + "," + std::to_string(i % n) + end + "\n";
    return folder.write("t.csv", text);
  };
  EXPECT_EQ(whole(targets(20, "")).schema.task, Task::classification);
  EXPECT_EQ(whole(targets(21, "")).schema.task, Task::regression);
  EXPECT_EQ(whole(targets(20, ".5")).schema.task, Task::regression);
  EXPECT_EQ(whole(targets(21, ""), "", "classification").schema.classes.size(), 21u);
  const Dataset forced = whole(targets(3, ""), "", "regression");
  EXPECT_THAT(forced.train.targets, ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(whole(targets(12, "")).schema.classes[2], "2");  // by value, not as text
  expect_error(ErrorKind::input, {"line 2, column 'b'", "'x'", "regression"},
               [&] { whole(folder.write("w.csv", "a,b\n1,x\n2,y\n"), "", "regression"); });
}

TEST(Table, UselessColumnsAndRowsAreLeftOutAndReported) {
  std::string text = "id,same,empty,x,y\n";
  for (int i = 0; i < 1200; ++i) {
    text += "key" + std::to_string(i) + ",5,?," + std::to_string(i) + "," +
            (i == 7       ? ""
             : i % 2 == 0 ? "a"
                          : "b") +
            "\n";
  }
  const Folder folder;
  const Dataset data = whole(folder.write("t.csv", text));
  EXPECT_THAT(data.feature_names, ElementsAre("x"));
  EXPECT_EQ(data.train.count, 1199u);
  EXPECT_THAT(data.warnings, Contains(HasSubstr("'id' left out: more than 1,000 different texts")));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("'same' left out: all its values are the same")));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("'empty' left out: it holds no values")));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("1 rows without a target left out")));
}

TEST(Table, RepeatedRowsAreCounted) {
  const Folder folder;
  const Dataset data =
      whole(folder.write("t.csv", "a,b,y\n1,u,p\n1,u,p\n2,u,p\n1,v,p\n1,u,q\n?,u,q\n?,u,q\n1,u,p\n"));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("3 rows repeat an earlier one")));
  EXPECT_THAT(whole(folder.write("t.csv", "a,y\n1,p\n1,q\n2,p\n")).warnings, IsEmpty());
}

TEST(Table, MissingNumbersBecomeTheMeanOfTheTrainingPartOnly) {
  std::string text = "x,y\n";
  for (int i = 0; i < 100; ++i)
    text += (i % 10 == 0 ? "?" : std::to_string(i)) + "," + std::to_string(i % 2) + "\n";
  const Folder folder;
  const Dataset data = load(folder.write("t.csv", text));
  ASSERT_EQ(data.test.count, 20u);
  const float fill = data.schema.columns[0].fill;
  double sum = 0;
  int others = 0;
  for (const float v : floats(data.train)) {
    if (v != fill) sum += static_cast<double>(v), ++others;
  }
  EXPECT_NEAR(sum / others, static_cast<double>(fill), 1e-4);
}

TEST(Table, AFirstRowOfValuesIsNoHeader) {
  const Folder folder;
  const Dataset values = whole(folder.write("a.csv", "0.5,1.5,R\n0.25,1,M\n0.75,2,R\n"));
  EXPECT_EQ(values.train.count, 3u);
  EXPECT_THAT(values.feature_names, ElementsAre("column_0", "column_1"));
  EXPECT_THAT(values.warnings, Contains(HasSubstr("without a header")));
  const Dataset years = whole(folder.write("b.csv", "2019,2020,kind\n0.25,1,M\n0.75,2,R\n"));
  EXPECT_THAT(years.feature_names, ElementsAre("2019", "2020"));
  // A name that happens to be a value of its column as well is a name still.
  const Dataset names = whole(folder.write("d.csv", "kind,size\nkind,big\nrude,small\nkind,small\n"));
  EXPECT_EQ(names.schema.target, "size");
  EXPECT_EQ(names.train.count, 3u);
  DataOptions options = options_for(folder.write("c.csv", "7,1\n8,2\n9,1\n"));
  options.header = false;
  options.validation = 0;
  EXPECT_EQ(load_dataset(options).train.count, 3u);
}

TEST(Table, TestFileHasTheSameColumnsByName) {
  const Folder folder;
  DataOptions options = options_for(folder.write("train.csv", "a,b,y\n1,u,no\n2,v,yes\n3,u,no\n4,v,yes\n"));
  options.test = folder.write("test.csv", "y,b,extra,a\nyes.,w,9,?\nno.,u,9,7\n");
  const Dataset data = load_dataset(options);
  EXPECT_EQ(data.train.count, 4u);
  EXPECT_THAT(floats(data.test), ElementsAre(2.5f, 0, 0, 7, 1, 0));
  EXPECT_THAT(data.test.labels, ElementsAre(1, 0));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("2 classes end in a dot")));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("1 texts are of no known category")));
  EXPECT_THAT(data.warnings, Contains(HasSubstr("1 missing numbers")));
  options.test = folder.write("bad.csv", "y,B,a\nyes,u,1\n");
  expect_error(ErrorKind::input, {"bad.csv: has no column 'b'", "Did you mean 'B'"},
               [&] { load_dataset(options); });
  options.test = folder.write("bad.csv", "y,b,a\nmaybe,u,1\n");
  expect_error(ErrorKind::input,
               {"bad.csv, line 2, column 'y': class 'maybe' is none of the 2 classes (no, yes)"},
               [&] { load_dataset(options); });
}

TEST(Table, ExamplesForAModelAreMatchedByName) {
  const Folder folder;
  const Dataset data = whole(folder.write("pets.csv", kPets), "kind");
  const auto read = [&](const std::string& text) {
    return load_examples(options_for(folder.write("new.csv", text)), data.schema);
  };
  const Examples labelled = read("age,kind,weight,name\n1,dog,2,Tom\n?,cat,3,Zoe\n");
  EXPECT_THAT(floats(labelled), ElementsAre(2, 1, 0, 0, 0, 1, 3, 4, 0, 0, 0, 0));
  EXPECT_THAT(labelled.labels, ElementsAre(1, 0));
  EXPECT_FALSE(read("age,weight,name\n1,2,Tom\n").labelled());
  const Examples partly = read("age,kind,weight,name\n1,dog,2,Tom\n1,?,2,Tom\n");
  EXPECT_EQ(partly.count, 2u);  // a prediction for every row
  EXPECT_FALSE(partly.labelled());
  std::vector<std::string> warnings;
  load_examples(options_for(folder.file("new.csv")), data.schema, &warnings);
  EXPECT_THAT(warnings, IsEmpty());
  expect_error(ErrorKind::input, {"new.csv, line 2, column 'kind'", "'bird'"},
               [&] { read("age,kind,weight,name\n1,bird,2,Tom\n"); });
  expect_error(ErrorKind::input, {"new.csv, line 2, column 'age'", "text 'old'"},
               [&] { read("age,weight,name\nold,2,Tom\n"); });
  expect_error(ErrorKind::input, {"new.csv: has no column 'weight'"}, [&] { read("age,name\n1,Tom\n"); });
  Schema image;
  image.shape = {1, 28, 28};
  expect_error(ErrorKind::input, {"{1, 28, 28}"},
               [&] { load_examples(options_for(folder.file("new.csv")), image); });
}

TEST(Table, ExamplesWithoutHeaderAreMatchedByPosition) {
  const Folder folder;
  DataOptions options = options_for(folder.write("t.csv", "no,1,5,u\nyes,2,5,v\nno,3,5,u\n"));
  options.header = false;
  options.target = "0";
  options.validation = 0;
  const Schema schema = load_dataset(options).schema;  // column 2 is constant
  const auto read = [&](const std::string& text, bool header) {
    DataOptions other = options_for(folder.write("new.csv", text));
    other.header = header;
    return load_examples(other, schema);
  };
  for (const bool header : {false, true}) {  // numbers as names: known not to be a header
    const Examples labelled = read("yes,7,5,v\n", header);
    EXPECT_THAT(floats(labelled), ElementsAre(7, 0, 1));
    EXPECT_THAT(labelled.labels, ElementsAre(1));
    const Examples bare = read("7,5,v\n8,5,u\n", header);
    EXPECT_THAT(floats(bare), ElementsAre(7, 0, 1, 8, 1, 0));
    EXPECT_FALSE(bare.labelled());
    expect_error(ErrorKind::input, {"2 columns where the model needs 4"}, [&] { read("7,5\n", header); });
  }
  const Dataset named = whole(folder.write("pets.csv", kPets), "kind");
  options = options_for(folder.file("new.csv"));
  options.header = false;
  expect_error(ErrorKind::input, {"has no header"}, [&] { load_examples(options, named.schema); });
}

TEST(Table, BadTablesAreNamedWithTheirLine) {
  const Folder folder;
  const auto bad = [&](const std::string& text, const std::vector<std::string>& parts) {
    expect_load_error(folder.write("t.csv", text), parts);
  };
  std::string numbers = "a,b\n";
  for (int i = 0; i < 50; ++i) numbers += std::to_string(i) + "," + std::to_string(i % 2) + "\n";
  bad("", {"t.csv: the file is empty"});
  bad("\n\n", {"holds no rows"});
  bad("a,b\n", {"holds no rows"});
  bad("a,b\n1,2\n3\n", {"t.csv, line 3: 1 field where the table has 2 columns"});
  bad("a,b\n1,2\n\n\"x\ny\",2,3\n", {"t.csv, line 4: 3 fields"});
  bad(numbers + "x7,1\n", {"t.csv, line 52, column 'a': text 'x7' where numbers were"});
  bad(numbers + "inf,1\n", {"t.csv, line 52, column 'a': 'inf' is not a finite number"});
  bad(numbers + "1,1e400\n", {"line 52, column 'b': '1e400'"});
  bad("a,a\n1,2\n", {"two columns are called 'a'"});
  bad("a,b\n1,x\n2,x\n", {"target column 'b'", "one class"});
  bad("a,b\n1,?\n2,\n", {"target column 'b' holds no values"});
  bad("a,b\n1,x\n1,y\n", {"no column is left"});
  bad("b\nx\ny\n", {"no column is left"});
  bad("a,b\n1,\"x\n", {"line 2: a quote"});
  bad(std::string("a,b\n\0\0\0", 7), {"zero bytes"});
  expect_load_error(folder.write("t.csv.gz", gzipped(numbers).substr(0, 40)),
                    {"t.csv.gz: the file is truncated"});
  std::string damaged = gzipped(numbers);
  damaged[damaged.size() - 6] ^= 1;
  expect_load_error(folder.write("t.csv.gz", damaged), {"t.csv.gz: the compressed data are damaged"});
}

// One-hot columns can ask for thousands of times the memory of the file: refused before it is taken.
TEST(Table, FeaturesThatDoNotFitIntoMemoryAreRefused) {
  constexpr std::size_t kColumns = 50, kCategories = 1000;  // 200 kB a row
  const std::size_t memory =
      static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::string text;
  for (std::size_t c = 0; c < kColumns; ++c) text += fmt::format("c{},", c);
  text += "y\n";
  for (std::size_t i = 0; i < 2 * kCategories; ++i) {
    for (std::size_t c = 0; c < kColumns; ++c) text += fmt::format("t{},", (i + c) % kCategories);
    text += i % 3 == 0 ? "a\n" : "b\n";
  }
  text.append(memory / 2 / (kColumns * kCategories * sizeof(float)), '\n');
  const Folder folder;
  expect_load_error(folder.write("t.csv", text), {"t.csv", "do not fit into the memory"});
}

TEST(Table, LargeTablesAreReadFast) {
  std::string row, text = "a,b,c,d,e,f,g,h,i,j,y\n";
  std::mt19937 random(3);
  for (int i = 0; i < 100; ++i) {
    for (int c = 0; c < 10; ++c) row += std::to_string(static_cast<double>(random() % 1000000) / 1e5) + ",";
    row += std::to_string(i % 2) + "\n";
  }
  for (int i = 0; i < 1000; ++i) text += row;
  const Folder folder;
  const std::string file = folder.write("t.csv", text);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(whole(file).train.count, 100000u);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  RecordProperty("MB_per_second", static_cast<int>(megabytes / seconds));
  EXPECT_GT(megabytes / seconds,
            2.0);  // loose: sanitizers and loaded machines; quadratic behaviour is far below
}

}  // namespace
}  // namespace halfwave
