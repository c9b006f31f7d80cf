use proptest::prelude::*;

use super::*;

/// Pieces that queries are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "SELECT",
        "Id",
        "FROM",
        "Lead",
        "WHERE",
        "(",
        ")",
        ",",
        "AND",
        "OR",
        "NOT",
        "IN",
        "LIKE",
        "=",
        "!=",
        "<",
        ">=",
        "'a%_'",
        "''",
        "null",
        "true",
        "5",
        "-1.5",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "TODAY",
        "LAST_N_DAYS",
        ":",
        "3",
        "GROUP",
        "BY",
        "HAVING",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "COUNT",
        "COUNT()",
        "FIELDS(ALL)",
        "Owner.Name",
        "Email",
        "Score__c",
        "Topics__c",
        "INCLUDES",
        "CALENDAR_YEAR",
        "CreatedDate",
        "TYPEOF",
        "WHEN",
        "THEN",
        "END",
        "Contacts",
        "'",
        "\\",
        "\n",
        "é",
        ".",
        "x",
    ];
    let word = prop::sample::select(words.to_vec());
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered_or_refused(text in ".{0,80}") {
        let _ = parse::parse(&text);
        let _ = parse::parse_condition(&text);
    }

    #[test]
    fn any_order_of_pieces_is_answered_or_refused(text in pieces()) {
        let asker = Asker::new();
        for soql in [text.clone(), format!("SELECT Id FROM Lead WHERE {text}"), format!("SELECT {text} FROM Lead LIMIT 5")] {
            match asker.org.query(&asker.s, &soql, QueryScope::All) {
                Ok(answer) => prop_assert!(answer.records.len() <= answer.total),
                Err(error) => prop_assert!([400, 501].contains(&error.status), "{}", error.message),
            }
        }
    }

    /// What an index finds is what looking at every record finds.
    #[test]
    fn indexes_change_nothing(from in 0_i64..5, to in 0_i64..5, email in prop::sample::select(vec!["d@x.example", "e@x.example", "f@x.example"])) {
        let asker = Asker::new();
        let range = format!(
            "SystemModstamp >= 2026-11-2{from}T10:00:00Z AND SystemModstamp < 2026-11-2{to}T10:00:00Z"
        );
        let plain = asker.leads(&range);
        // A condition that is always true and no index knows hides the range from them.
        let hidden = asker.leads(&format!("NOT (NOT ({range}))"));
        prop_assert_eq!(plain, hidden);
        let plain = asker.leads(&format!("Email = '{email}'"));
        let hidden = asker.leads(&format!("Email LIKE '{email}'"));
        prop_assert_eq!(plain, hidden);
    }
}
