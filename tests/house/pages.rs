//! The pages: every error code has its own, every link leads somewhere, the licence is there.

use std::collections::BTreeSet;
use std::path::Path;

use domain::{Code, Outcome};

/// What each error page answers, in this order.
const QUESTIONS: [&str; 3] = ["## What happened", "## Is money at risk?", "## What to do"];

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let pages: BTreeSet<_> = crate::files("docs/errors", "md")
        .iter()
        .map(|page| page.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let codes: BTreeSet<_> = Code::ALL
        .iter()
        .map(|code| code.slug().to_owned())
        .collect();
    let without_page: Vec<_> = codes.difference(&pages).collect();
    let without_code: Vec<_> = pages.difference(&codes).collect();
    assert!(
        without_page.is_empty(),
        "codes without a page: {without_page:?}"
    );
    assert!(
        without_code.is_empty(),
        "pages without a code: {without_code:?}"
    );
}

#[test]
fn an_error_page_agrees_with_the_registry_and_answers_the_questions() {
    for code in Code::ALL {
        let page = crate::root().join(format!("docs/errors/{}.md", code.slug()));
        let text = crate::read(&page);
        let heading = format!("# {}\n", code.title());
        assert!(
            text.starts_with(&heading),
            "{}: not {heading:?}",
            code.slug()
        );
        // Codes below 10 end the program before it answers anybody.
        let place = match code.exit() {
            exit @ ..10 => format!("exit code {exit}"),
            _ => format!("HTTP {}", code.status()),
        };
        let outcome = match code.outcome() {
            Outcome::NotExecuted => "not executed",
            Outcome::Executed => "executed",
            Outcome::Unknown => "outcome unknown",
        };
        let retry = if code.retryable() {
            "retryable"
        } else {
            "not retryable"
        };
        let facts = format!("\n`{}` · {place} · {outcome} · {retry}\n", code.slug());
        assert!(text.contains(&facts), "{}: not {facts:?}", code.slug());
        let places: Vec<_> = QUESTIONS
            .iter()
            .map(|question| text.find(question))
            .collect();
        assert!(
            places.iter().all(Option::is_some),
            "{}: {places:?}",
            code.slug()
        );
        assert!(
            places.is_sorted(),
            "{}: the questions are out of order",
            code.slug()
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let (mut seen, mut broken) = (0, Vec::new());
    for page in crate::files("", "md") {
        for link in links(&crate::read(&page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let there = target.exists() && (anchor.is_empty() || anchors(&target).contains(anchor));
            if !there {
                broken.push(format!("{}: {link}", crate::short(&page)));
            }
            seen += 1;
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(seen > 0, "no link was found at all");
}

#[test]
fn the_licence_is_the_one_that_the_manifests_name() {
    let licence = crate::read(&crate::root().join("LICENSE"));
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
    assert!(
        licence.contains("END OF TERMS AND CONDITIONS"),
        "it is not the full text"
    );
    let manifest = crate::read(&crate::root().join("Cargo.toml"));
    assert!(manifest.contains("license = \"Apache-2.0\""));
}

/// The targets of `[text](target)`, outside of code blocks.
fn links(text: &str) -> Vec<String> {
    let mut inside_code = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside_code ^= fence;
        !inside_code && !fence
    });
    let targets = prose.flat_map(|line| {
        line.split("](")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
    });
    targets.collect()
}

/// The headings as a link names them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = crate::read(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn finds_links_but_not_in_code() {
    let text = "see [a](b.md) and [c](#d)\n```\n[no](no.md)\n```\n";
    assert_eq!(links(text), ["b.md", "#d"]);
}
