use super::*;

#[test]
fn start_end_and_duration_complete_each_other() {
    let mut bench = Bench::new();
    let cases = [
        json!({"StartDateTime": "2026-11-24T23:30:00Z", "EndDateTime": "2026-11-25T00:00:00Z"}),
        json!({"StartDateTime": "2026-11-24T23:30:00Z", "DurationInMinutes": 30}),
        json!({"ActivityDateTime": "2026-11-24T23:30:00Z", "DurationInMinutes": 30, "EndDateTime": "2026-11-25T00:00:00Z"}),
    ];
    for fields in cases {
        let id = bench.make("Event", fields);
        let event = bench.get("Event", id);
        assert_eq!(event["StartDateTime"], "2026-11-24T23:30:00.000+0000");
        assert_eq!(event["ActivityDateTime"], "2026-11-24T23:30:00.000+0000");
        assert_eq!(event["EndDateTime"], "2026-11-25T00:00:00.000+0000");
        assert_eq!(event["DurationInMinutes"], 30);
        // The day is that of the user's clock, in Paris.
        assert_eq!(event["ActivityDate"], "2026-11-25");
        assert_eq!(event["ShowAs"], "Busy");
    }
}

#[test]
fn events_that_make_no_sense() {
    let mut bench = Bench::new();
    let start = "2026-11-24T10:00:00Z";
    let cases = [
        (json!({"Subject": "x"}), "REQUIRED_FIELD_MISSING"),
        (json!({"StartDateTime": start}), "REQUIRED_FIELD_MISSING"),
        (json!({"StartDateTime": start, "EndDateTime": "2026-11-24T11:00:00Z", "DurationInMinutes": 30}), "FIELD_INTEGRITY_EXCEPTION"),
        (json!({"StartDateTime": start, "EndDateTime": "2026-11-24T09:00:00Z"}), "FIELD_INTEGRITY_EXCEPTION"),
        (json!({"StartDateTime": start, "DurationInMinutes": 20_161}), "FIELD_INTEGRITY_EXCEPTION"),
        (json!({"StartDateTime": start, "ActivityDateTime": "2026-11-24T11:00:00Z", "DurationInMinutes": 5}), "FIELD_INTEGRITY_EXCEPTION"),
        (json!({"StartDateTime": "tomorrow"}), "JSON_PARSER_ERROR"),
        (json!({"IsAllDayEvent": true}), "REQUIRED_FIELD_MISSING"),
    ];
    for (fields, code) in cases {
        assert_eq!(codes(bench.create("Event", fields.clone())), [code], "{fields}");
    }
    let most = json!({"StartDateTime": start, "DurationInMinutes": 20_160});
    bench.make("Event", most);
}

#[test]
fn a_moved_start_takes_the_event_along() {
    let mut bench = Bench::new();
    let id = bench.make("Event", json!({"StartDateTime": "2026-11-24T10:00:00Z", "DurationInMinutes": 45}));
    bench.update("Event", id, json!({"StartDateTime": "2026-11-24T12:00:00Z"})).unwrap();
    assert_eq!(bench.get("Event", id)["EndDateTime"], "2026-11-24T12:45:00.000+0000");
    bench.update("Event", id, json!({"EndDateTime": "2026-11-24T12:30:00Z"})).unwrap();
    assert_eq!(bench.get("Event", id)["DurationInMinutes"], 30);
    bench.update("Event", id, json!({"Location": "Lyon"})).unwrap();
    assert_eq!(bench.get("Event", id)["DurationInMinutes"], 30);
}

#[test]
fn whole_days() {
    let mut bench = Bench::new();
    let id = bench.make("Event", json!({"IsAllDayEvent": true, "ActivityDate": "2026-12-24"}));
    let event = bench.get("Event", id);
    assert_eq!(event["StartDateTime"], "2026-12-24T00:00:00.000+0000");
    assert_eq!(event["EndDateTime"], "2026-12-24T00:00:00.000+0000");
    assert_eq!(event["DurationInMinutes"], 1_440);
}

#[test]
fn whom_an_activity_may_be_about() {
    let mut bench = Bench::new();
    let account = bench.make("Account", json!({"Name": "A"}));
    let contact = bench.make("Contact", json!({"LastName": "C", "AccountId": account}));
    let lead = bench.lead("L");
    let s = bench.session();
    let converted = json!({"LastName": "X", "Company": "Y", "IsConverted": true});
    let converted = bench.org.force(&s, "Lead", converted.as_object().unwrap()).unwrap();
    let task = bench.make("Task", json!({"WhoId": contact}));
    assert_eq!(bench.get("Task", task)["AccountId"], json!(account));
    let cases = [
        (json!({"WhoId": lead, "WhatId": account}), "FIELD_INTEGRITY_EXCEPTION"),
        (json!({"WhoId": converted}), "CANNOT_UPDATE_CONVERTED_LEAD"),
        (json!({"WhoId": account}), "MALFORMED_ID"),
        (json!({"Subject": "x".repeat(256)}), "STRING_TOO_LONG"),
    ];
    for (fields, code) in cases {
        assert_eq!(codes(bench.create("Task", fields.clone())), [code], "{fields}");
    }
}

#[test]
fn a_completed_task_is_closed() {
    let mut bench = Bench::new();
    let lead = bench.lead("L");
    let fields = json!({"Subject": "Call", "WhoId": lead, "Priority": "High", "ActivityDate": "2026-11-20"});
    let id = bench.make("Task", fields);
    let task = bench.get("Task", id);
    assert_eq!((&task["Status"], &task["IsClosed"], &task["IsHighPriority"]), (&json!("Not Started"), &json!(false), &json!(true)));
    assert_eq!(bench.get("Lead", lead)["LastActivityDate"], json!(null));
    bench.update("Task", id, json!({"Status": "Completed"})).unwrap();
    let task = bench.get("Task", id);
    assert_eq!((&task["IsClosed"], &task["CompletedDateTime"]), (&json!(true), &json!("2026-11-23T08:00:00.000+0000")));
    assert_eq!(bench.get("Lead", lead)["LastActivityDate"], "2026-11-20");
}

#[test]
fn an_event_type_outside_the_list_is_taken() {
    let mut bench = Bench::new();
    let kind = "Première rencontre et saisie des informations";
    let fields = json!({"StartDateTime": "2026-11-24T10:00:00Z", "DurationInMinutes": 45, "Type": kind});
    let id = bench.make("Event", fields);
    assert_eq!(bench.get("Event", id)["Type"], kind);
}
