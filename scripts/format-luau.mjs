// Luau as agents/luau/stylua.toml wants it: checks every file, or with --write rewrites them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  Config,
  formatCode,
  IndentType,
  LineEndings,
  LuaVersion,
  OutputVerification,
  QuoteStyle,
} from "@johnnymorganz/stylua";

function config() {
  const wanted = Config.new();
  wanted.column_width = 120;
  wanted.line_endings = LineEndings.Unix;
  wanted.indent_type = IndentType.Tabs;
  wanted.quote_style = QuoteStyle.AutoPreferDouble;
  wanted.syntax = LuaVersion.Luau;
  const sorting = wanted.sort_requires;
  sorting.enabled = true;
  wanted.sort_requires = sorting;
  return wanted;
}

// The migrator's corpus keeps the hands of many authors, and syntax that the formatter does not know.
const paths = ["*.luau", ":(exclude)tests/migrator/corpus"];
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...paths], {
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file && existsSync(file));
const write = process.argv.includes("--write");
const unformatted = [];
for (const file of files) {
  const before = readFileSync(file, "utf8");
  const after = formatCode(before, config(), undefined, OutputVerification.None);
  if (after !== before) {
    unformatted.push(file);
    if (write) writeFileSync(file, after);
  }
}
if (unformatted.length && !write) {
  console.error(`not formatted (make format mends it):\n  ${unformatted.join("\n  ")}`);
  process.exit(1);
}
console.log(`${files.length} Luau files, ${write ? unformatted.length : 0} rewritten`);
