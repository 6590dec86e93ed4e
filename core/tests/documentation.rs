//! The pages under `docs/rules` are what the rules' own comments say. `UPDATE_DOCS=1 cargo test` writes them anew.

use std::collections::BTreeSet;
use std::path::Path;

use ecs_arch_core::rules::RULES;

#[test]
fn the_documentation_pages_are_those_of_the_rules() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut expected: BTreeSet<String> = BTreeSet::new();
    let mut index =
        "# Rules\n\nGenerated from the comments in `core/src/rules`.\n\n| rule | finds |\n|---|---|\n".to_owned();
    for rule in RULES {
        index.push_str(&format!("| [`{0}`]({0}.md) | {1} |\n", rule.name, rule.summary()));
    }
    let pages = RULES.iter().map(|rule| (format!("{}.md", rule.name), rule.documentation()));
    for (name, page) in pages.chain([("README.md".to_owned(), index)]) {
        let path = directory.join(&name);
        if update {
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(written, page, "{name} is out of date: run `UPDATE_DOCS=1 cargo test -p ecs-arch-core`");
        expected.insert(name);
    }
    let found: BTreeSet<String> =
        std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected);
}
