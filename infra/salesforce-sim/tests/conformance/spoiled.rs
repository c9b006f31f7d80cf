//! The negative control: an org that answers wrongly must fail, in every class.

use std::net::Ipv4Addr;

use salesforce_sim::Doubts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::case::{Strictness, areas};
use crate::client::Answer;
use crate::run::{Outcome, Runner, Spoiler, Verdict};
use crate::target::Target;

const CLASSES: [Strictness; 3] = [Strictness::S, Strictness::C, Strictness::T];

/// Answers everything with 200 and the same nonsense.
async fn stub() -> Target {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 20];
                let body = r#"{"access_token":"x","wrong":true}"#;
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Target { login: origin.clone(), instance: origin, control: true }
}

/// The same org with its control plane out of reach, as a real one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_control_plane_cases_are_skipped_with_a_reason() {
    let target = Target { control: false, ..Target::start(Doubts::default()).await };
    let outcomes = Runner::new(target, None).run(&areas()).await;
    let skipped = outcomes.iter().filter_map(|outcome| match &outcome.verdict {
        Verdict::Skipped(reason) => Some(reason.as_str()),
        _ => None,
    });
    let reasons: Vec<&str> = skipped.collect();
    for reason in ["control plane", "cannot be reset", "CONFORMANCE_TOKEN_U2"] {
        assert!(reasons.iter().any(|text| text.contains(reason)), "{reason}");
    }
    let others: Vec<&Outcome> = outcomes.iter().filter(|outcome| !matches!(outcome.verdict, Verdict::Skipped(_))).collect();
    assert!(!others.is_empty() && others.iter().all(|outcome| outcome.verdict == Verdict::Passed), "{others:?}");
}

fn passed(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Passed).map(|outcome| outcome.id.as_str()).collect()
}

fn failed(outcomes: &[Outcome], class: Strictness) -> usize {
    outcomes.iter().filter(|outcome| outcome.strict == class && matches!(outcome.verdict, Verdict::Failed(_))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_nonsense_passes_nothing() {
    let outcomes = Runner::new(stub().await, None).run(&areas()).await;
    assert_eq!(passed(&outcomes), Vec::<&str>::new());
    for class in CLASSES {
        assert!(failed(&outcomes, class) > 10, "only {} of class {class:?} were judged", failed(&outcomes, class));
    }
}

async fn run_spoiled(spoil: Spoiler) -> Vec<Outcome> {
    Runner::new(Target::start(Doubts::default()).await, Some(spoil)).run(&areas()).await
}

/// Another status of the same answers.
fn other_status(mut answer: Answer) -> Answer {
    answer.status = 599;
    answer
}

/// The same statuses and codes with other texts for people.
fn other_texts(mut answer: Answer) -> Answer {
    let text = String::from_utf8_lossy(&answer.bytes);
    answer.bytes = text.replace("\"message\":\"", "\"message\":\"Well, ").into_bytes();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_case_passes_when_the_judged_answers_have_another_status() {
    let outcomes = run_spoiled(other_status).await;
    assert_eq!(passed(&outcomes), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_texts_matter_in_strict_cases_alone() {
    let outcomes = run_spoiled(other_texts).await;
    assert!(failed(&outcomes, Strictness::S) > 10);
    let text_free = |outcome: &&Outcome| outcome.strict == Strictness::C && outcome.verdict == Verdict::Passed;
    assert!(outcomes.iter().filter(text_free).count() > 50);
}
