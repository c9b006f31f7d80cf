//! The whole matrix against a table that was written by hand from the words of the merge rules.
//!
//! The table names, for every strategy, whose value stands: `p`, `s`, `-` for nobody's, `?` for the later one's.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

/// What a side looks like, given that its base is told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// Blank, and so was the base.
    Empty,
    /// Blank, and the base was not.
    Emptied,
    /// As the base.
    Same,
    /// Another value than the base.
    Changed,
}

const LOOKS: [Look; 4] = [Look::Empty, Look::Emptied, Look::Same, Look::Changed];
const STRATEGIES: [(Strategy, usize); 5] =
    [(Strategy::AlwaysPlatform, 0), (Strategy::AlwaysSalesforce, 1), (Strategy::FillIfBlank, 2), (Strategy::Inherit, 2), (Strategy::MostRecent, 3)];

/// Both sides have a value. Columns: always platform, always Salesforce, fill if blank, most recent.
const KNOWN: [(Look, Look, &str); 4] = [
    (Look::Same, Look::Same, "----"),
    (Look::Changed, Look::Same, "ps-p"),
    (Look::Same, Look::Changed, "ps-s"),
    (Look::Changed, Look::Changed, "ps-?"),
];

/// The platform has a value, Salesforce is blank: without `clears`, and with it.
const PLATFORM_ONLY: [(Look, Look, &str, &str); 4] = [
    (Look::Same, Look::Empty, "--p-", "--p-"),
    (Look::Same, Look::Emptied, "p-p-", "psss"),
    (Look::Changed, Look::Empty, "p-pp", "p-pp"),
    (Look::Changed, Look::Emptied, "p-pp", "psp?"),
];

/// Salesforce has a value, the platform is blank, likewise.
const SALESFORCE_ONLY: [(Look, Look, &str, &str); 4] = [
    (Look::Empty, Look::Same, "--s-", "--s-"),
    (Look::Emptied, Look::Same, "-ss-", "pspp"),
    (Look::Empty, Look::Changed, "-sss", "-sss"),
    (Look::Emptied, Look::Changed, "-sss", "pss?"),
];

fn expected(column: usize, update_blanks: bool, clears: bool, platform: Look, salesforce: Look, later: Option<Side>) -> char {
    let cell = |row: &str| row.chars().nth(column).unwrap();
    let found = KNOWN.iter().find(|(p, s, _)| (*p, *s) == (platform, salesforce)).map(|(.., row)| cell(row));
    let of = |table: &[(Look, Look, &str, &str)]| {
        table
            .iter()
            .find(|(p, s, ..)| (*p, *s) == (platform, salesforce))
            .map(|(.., plain, with_clears)| cell(if clears { with_clears } else { plain }))
    };
    let blank_is_unknown = |look: Look| look == Look::Empty || (look == Look::Emptied && !clears);
    let told = match (of(&PLATFORM_ONLY), of(&SALESFORCE_ONLY)) {
        (Some(_), _) if update_blanks && blank_is_unknown(salesforce) => 'p',
        (_, Some(_)) if update_blanks && blank_is_unknown(platform) => 's',
        (Some(cell), _) | (_, Some(cell)) => cell,
        // Both blank: there is nothing to say.
        (None, None) => found.unwrap_or('-'),
    };
    match (told, later) {
        ('?', Some(Side::Platform)) => 'p',
        ('?', _) => 's',
        (other, _) => other,
    }
}

#[test]
fn the_whole_matrix() {
    let mut cases = 0;
    let times: [(Option<Timestamp>, Option<Timestamp>, Option<Side>); 4] = {
        let (early, late) = ("2026-01-01T00:00:00Z".parse().ok(), "2026-02-01T00:00:00Z".parse().ok());
        [(late, early, Some(Side::Platform)), (early, late, Some(Side::Salesforce)), (early, early, None), (late, None, None)]
    };
    for (strategy, column) in STRATEGIES {
        for direction in [Direction::ToSalesforce, Direction::ToPlatform, Direction::Both] {
            for (update_blanks, clears) in [(false, false), (false, true), (true, false), (true, true)] {
                for (platform, salesforce) in LOOKS.iter().flat_map(|p| LOOKS.iter().map(move |s| (*p, *s))) {
                    for (platform_at, salesforce_at, later) in times {
                        let policy = Policy { strategy, direction, update_blanks, clears, do_not_contact: false };
                        let (p_base, p_value) = side(platform, "P");
                        let (s_base, s_value) = side(salesforce, "S");
                        let decision = merge(
                            &policy,
                            Sighting { value: &p_value, base: Some(&p_base), at: platform_at },
                            Sighting { value: &s_value, base: Some(&s_base), at: salesforce_at },
                            &|a, b| a == b,
                        );
                        let want = match expected(column, update_blanks, clears, platform, salesforce, later) {
                            'p' if direction != Direction::ToPlatform => Action::ToSalesforce(p_value.clone()),
                            's' if direction != Direction::ToSalesforce => Action::ToPlatform(s_value.clone()),
                            _ => Action::Nothing,
                        };
                        let case = format!("{policy:?} {platform:?} {salesforce:?} {later:?}: {decision:?}");
                        assert_eq!(decision.action, want, "{case}");
                        assert!(reasons(&decision, platform, salesforce, later), "{case}");
                        assert_bases(&decision, &policy, (&p_value, &s_value), &case);
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 5 * 3 * 4 * 16 * 4);
}

/// Whether the reason is one that can be given for what is done, by the looks of the sides.
fn reasons(decision: &Decision, platform: Look, salesforce: Look, later: Option<Side>) -> bool {
    let blank = |look| matches!(look, Look::Empty | Look::Emptied);
    let one_blank = blank(platform) != blank(salesforce);
    let undated = later.is_none();
    match (&decision.action, decision.reason) {
        (Action::ToSalesforce(_), Reason::PlatformWins) | (Action::ToPlatform(_), Reason::SalesforceWins) => true,
        (Action::ToSalesforce(_), Reason::PlatformChanged) => platform == Look::Changed && salesforce == Look::Same,
        (Action::ToPlatform(_), Reason::SalesforceChanged) => salesforce == Look::Changed && platform == Look::Same,
        (Action::ToSalesforce(_), Reason::PlatformIsLater) => later == Some(Side::Platform),
        (Action::ToPlatform(_), Reason::SalesforceIsLater) => later == Some(Side::Salesforce),
        (Action::ToSalesforce(Value::Null), Reason::PlatformCleared) => platform == Look::Emptied,
        (Action::ToPlatform(Value::Null), Reason::SalesforceCleared) => salesforce == Look::Emptied,
        (Action::ToSalesforce(_) | Action::ToPlatform(_), Reason::BlankFilled) => one_blank,
        (Action::ToPlatform(_) | Action::Nothing, Reason::Undecided) => undated && decision.conflict,
        (Action::Nothing, Reason::Same) => blank(platform) && blank(salesforce),
        (Action::Nothing, Reason::Unchanged) => !matches!((platform, salesforce), (Look::Changed, Look::Changed)),
        (Action::Nothing, Reason::BothFilled) => !blank(platform) && !blank(salesforce),
        // Whose value always stands is blank and says nothing, so the other side keeps its own.
        (Action::Nothing, Reason::PlatformWins | Reason::SalesforceWins) => one_blank,
        (Action::Nothing, Reason::DirectionForbids) => true,
        _ => false,
    }
}

/// What was carried over is what the side that gave it has; what was not compared for good keeps the bases it had.
fn assert_bases(decision: &Decision, policy: &Policy, (platform, salesforce): (&Value, &Value), case: &str) {
    let bases = |ours: &Value| Some(Bases { platform: ours.clone(), salesforce: salesforce.clone() });
    let want = match &decision.action {
        Action::ToSalesforce(_) => bases(platform),
        Action::ToPlatform(value) => bases(value),
        Action::Nothing if decision.reason == Reason::Same => bases(platform),
        Action::Nothing if policy.strategy == Strategy::MostRecent => return,
        Action::Nothing => None,
    };
    assert_eq!(decision.bases, want, "{case}");
}

/// "Overwrite the data?" switched on after the first meeting: the difference that was left is there still, and the platform's
/// value wins once it is stated again.
#[test]
fn what_a_rule_left_as_it_was_is_decided_anew_by_another_rule() {
    let (ours, blank) = (json!("A"), Value::Null);
    for (before, theirs) in [(Strategy::FillIfBlank, json!("B")), (Strategy::AlwaysSalesforce, json!("B")), (Strategy::AlwaysSalesforce, blank)] {
        let policy = |strategy| Policy { strategy, direction: Direction::ToSalesforce, update_blanks: false, clears: false, do_not_contact: false };
        let side = |value| Sighting { value, base: None, at: None };
        let merged = |strategy| merge(&policy(strategy), side(&ours), side(&theirs), &|a, b| a == b);
        let left = merged(before);
        assert_eq!((left.action, left.bases), (Action::Nothing, None), "{before:?} {theirs}");
        let after = merged(Strategy::AlwaysPlatform);
        assert_eq!((after.action, after.reason), (Action::ToSalesforce(json!("A")), Reason::PlatformWins), "{before:?} {theirs}");
    }
}

/// The base and the value of a side.
fn side(look: Look, name: &str) -> (Value, Value) {
    match look {
        Look::Empty => (Value::Null, Value::Null),
        Look::Emptied => (json!(name), Value::Null),
        Look::Same => (json!(name), json!(name)),
        Look::Changed => (json!(name), json!(format!("{name} changed"))),
    }
}

/// Do-not-contact: the latest statement, and the opt-out where nobody can tell.
#[test]
fn do_not_contact() {
    let (early, late): (Option<Timestamp>, Option<Timestamp>) = ("2026-01-01T00:00:00Z".parse().ok(), "2026-02-01T00:00:00Z".parse().ok());
    let (yes, no, unknown) = (json!(true), json!(false), json!(null));
    let table = [
        // Platform: base, value, time. Salesforce: likewise. What is done.
        (None, &yes, early, None, &no, None, Action::ToSalesforce(json!(true)), Reason::OptOutWins),
        (None, &no, late, None, &yes, None, Action::ToPlatform(json!(true)), Reason::OptOutWins),
        (None, &no, late, None, &yes, early, Action::ToSalesforce(json!(false)), Reason::PlatformIsLater),
        (None, &yes, early, None, &no, late, Action::ToPlatform(json!(false)), Reason::SalesforceIsLater),
        (None, &yes, early, None, &no, early, Action::ToSalesforce(json!(true)), Reason::OptOutWins),
        (Some(&yes), &no, None, Some(&yes), &yes, None, Action::ToSalesforce(json!(false)), Reason::PlatformChanged),
        (Some(&no), &no, None, Some(&no), &yes, None, Action::ToPlatform(json!(true)), Reason::SalesforceChanged),
        (Some(&yes), &yes, None, Some(&no), &no, None, Action::Nothing, Reason::Unchanged),
        // Said again, and later than what was settled.
        (Some(&yes), &yes, late, Some(&no), &no, early, Action::ToSalesforce(json!(true)), Reason::PlatformIsLater),
        (Some(&yes), &yes, late, Some(&yes), &no, early, Action::ToSalesforce(json!(true)), Reason::PlatformIsLater),
        (Some(&yes), &yes, early, Some(&no), &no, late, Action::ToPlatform(json!(false)), Reason::SalesforceIsLater),
        (None, &unknown, None, None, &yes, None, Action::ToPlatform(json!(true)), Reason::BlankFilled),
        // A new record's default.
        (None, &unknown, None, None, &no, late, Action::Nothing, Reason::Unchanged),
        (None, &unknown, None, None, &unknown, None, Action::Nothing, Reason::Same),
    ];
    for strategy in [Strategy::AlwaysPlatform, Strategy::AlwaysSalesforce, Strategy::FillIfBlank, Strategy::MostRecent] {
        for (p_base, p_value, p_at, s_base, s_value, s_at, action, reason) in &table {
            let policy = Policy { strategy, direction: Direction::Both, update_blanks: false, clears: true, do_not_contact: true };
            let platform = Sighting { value: p_value, base: *p_base, at: *p_at };
            let salesforce = Sighting { value: s_value, base: *s_base, at: *s_at };
            let decision = merge(&policy, platform, salesforce, &|a, b| a == b);
            assert_eq!((&decision.action, decision.reason), (action, *reason), "{strategy:?} {platform:?} {salesforce:?}");
        }
    }
}

#[test]
fn every_reason_has_words_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for reason in Reason::ALL {
        let words = reason.words();
        assert!(words.en.ends_with('.') && words.fr.ends_with('.') && words.en != words.fr, "{reason:?}");
        assert!(seen.insert(words.en) && seen.insert(words.fr), "{reason:?}");
    }
}
