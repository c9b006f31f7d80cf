//! The conformance suite: how Salesforce answers, as data, asked over real HTTP of any org.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
mod case;
mod client;
mod keys;
mod pattern;
mod report;
mod run;
mod source;
mod spoiled;
mod target;
mod variables;

use case::areas;
use run::{Runner, Verdict};
use target::Target;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_org_conforms() {
    let target = Target::find().await;
    report::say(&format!("\nconformance of {}", target.instance));
    let outcomes = Runner::new(target, None).run(&areas()).await;
    report::print(&outcomes);
    let failed = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Failed(_) | Verdict::Broken(_))).count();
    assert!(!outcomes.is_empty(), "no case was wanted");
    assert_eq!(failed, 0, "{failed} of {} cases failed; they are listed above", outcomes.len());
}
