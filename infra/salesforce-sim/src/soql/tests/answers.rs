use super::*;

#[test]
fn conditions_and_the_leads_that_fulfil_them() {
    const ONE: &str = "Dupont";
    const TWO: &str = "O'Neil";
    const THREE: &str = "éclair";
    let asker = Asker::new();
    let all: &[&str] = &[ONE, TWO, THREE];
    let cases: Vec<(&str, &[&str])> = vec![
        ("Ext__c = 'E1'", &[ONE]),
        ("Exact__c = 'Key'", &[ONE]),
        ("Exact__c = 'key'", &[]),
        ("Exact__c IN ('key', 'x')", &[]),
        ("LastName = 'DUPONT'", &[ONE]),
        ("LastName = 'ÉCLAIR'", &[THREE]),
        ("LastName = 'O\\'neil'", &[TWO]),
        ("LastName LIKE 'd%'", &[ONE]),
        ("Company LIKE '%\\%'", &[TWO]),
        ("Company LIKE '_n'", &[ONE]),
        ("NOT Company LIKE 'T%'", &[ONE, TWO]),
        ("Email = null", &[TWO]),
        ("Email = ''", &[TWO]),
        ("Email != null", &[ONE, THREE]),
        ("Email != 'd@X.example'", &[TWO, THREE]),
        ("Email IN ('d@x.example', 'e@x.example')", &[ONE, THREE]),
        ("Email NOT IN ('d@x.example')", &[TWO, THREE]),
        ("Email IN ('d@x.example', null)", &[ONE, TWO]),
        ("Title = 'Chef' OR Email = 'e@x.example'", &[TWO, THREE]),
        ("(Title = 'Chef' AND Score__c = 2.5) OR Ext__c = 'e1'", &[ONE, TWO]),
        ("NOT (Title = 'Chef' OR Ext__c = 'e1')", &[THREE]),
        ("Score__c > 2.5", &[ONE]),
        ("Score__c >= 2.50", &[ONE, TWO]),
        ("Score__c < 100", &[ONE, TWO]),
        ("Score__c != 10", &[TWO, THREE]),
        ("DoNotCall = true", &[THREE]),
        ("DoNotCall = false", &[ONE, TWO]),
        ("DoNotCall != true", &[ONE, TWO]),
        ("Topics__c INCLUDES ('A')", &[ONE]),
        ("Topics__c INCLUDES ('A;C', 'C')", &[THREE]),
        ("Topics__c INCLUDES ('A;B')", &[ONE]),
        ("Topics__c EXCLUDES ('A')", &[TWO, THREE]),
        ("SystemModstamp >= 2026-11-23T10:00:00Z", &[ONE, TWO]),
        ("SystemModstamp > 2026-11-23T11:00:00+01:00", &[ONE]),
        ("SystemModstamp >= 2026-11-22T10:00:00Z AND SystemModstamp < 2026-11-23T10:00:00.000Z", &[THREE]),
        ("SystemModstamp = 2026-11-23T10:00:00Z", &[TWO]),
        // The first lead was made after midnight in Paris.
        ("CreatedDate = TODAY", &[ONE]),
        ("CreatedDate = YESTERDAY", &[]),
        ("CreatedDate = LAST_N_DAYS:2", &[ONE, TWO]),
        ("CreatedDate = N_DAYS_AGO:2", &[TWO]),
        ("CreatedDate = THIS_WEEK", &[ONE]),
        ("CreatedDate = LAST_N_WEEKS:1", &[TWO]),
        ("CreatedDate = THIS_MONTH", &[ONE, TWO]),
        ("CreatedDate < THIS_YEAR", &[THREE]),
        ("CreatedDate > LAST_WEEK", &[ONE]),
        ("CreatedDate IN (TODAY, N_DAYS_AGO:2)", &[ONE, TWO]),
        ("CALENDAR_YEAR(CreatedDate) = 2025", &[THREE]),
        ("CALENDAR_MONTH(CreatedDate) = 11", &[ONE, TWO]),
        ("DAY_ONLY(CreatedDate) = 2026-11-23", &[ONE]),
        ("DAY_ONLY(convertTimezone(CreatedDate)) = 2026-11-24", &[ONE]),
        ("HOUR_IN_DAY(CreatedDate) > 12", &[ONE]),
        ("Owner.Type = 'Queue'", &[TWO]),
        ("Owner.Type = 'User'", &[ONE, THREE]),
        ("Owner.Name = 'leads'", &[TWO]),
        ("Owner.Username = 'ada@org.example'", &[ONE, THREE]),
        ("Owner.Profile.Name = 'System Administrator'", &[ONE, THREE]),
        ("Lead.Ext__c = 'e1'", &[ONE]),
        ("Id IN (SELECT LeadId FROM CampaignMember WHERE Campaign.Name = 'Fair')", &[ONE]),
        ("Id IN (SELECT LeadId FROM CampaignMember WHERE Email = 'd@x.example')", &[ONE]),
        ("Id NOT IN (SELECT WhoId FROM Task)", &[TWO, THREE]),
        ("Id IN (SELECT WhoId FROM Task WHERE ActivityDate = TOMORROW)", &[ONE]),
        ("IsDeleted = true", &[]),
        ("LastName != null", all),
    ];
    for (condition, want) in cases {
        assert_eq!(asker.leads(condition), want, "{condition}");
    }
}

#[test]
fn rows_bring_what_is_asked_and_their_parents() {
    let asker = Asker::new();
    let answer = asker.ask("SELECT Id, email, Owner.Name, Owner.Type, CreatedBy.Profile.Name, MasterRecord.Name FROM Lead WHERE Ext__c = 'e1'");
    assert_eq!(answer.total, 1);
    let user = asker.s.user;
    let record = &answer.records[0];
    let id: Id = record["Id"].as_str().unwrap().parse().unwrap();
    let profile = &record["CreatedBy"]["Profile"]["attributes"];
    assert_eq!(profile["type"], "Profile");
    assert_eq!(
        *record,
        json!({
            "attributes": {"type": "Lead", "url": format!("/services/data/v66.0/sobjects/Lead/{id}")},
            "Id": id,
            "Email": "D@x.example",
            "Owner": {"attributes": {"type": "User", "url": format!("/services/data/v66.0/sobjects/User/{user}")},
                      "Name": "Ada Admin", "Type": "User"},
            "CreatedBy": {"attributes": {"type": "User", "url": format!("/services/data/v66.0/sobjects/User/{user}")},
                          "Profile": {"attributes": profile, "Name": "System Administrator"}},
            "MasterRecord": null,
        })
    );
}

#[test]
fn children_and_kinds() {
    let asker = Asker::new();
    let soql = "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName != 'x' ORDER BY LastName DESC LIMIT 5) FROM Account ORDER BY Name DESC";
    let answer = asker.ask(soql);
    let names: Vec<&Value> = answer.records.iter().map(|record| &record["Name"]).collect();
    assert_eq!(names, ["Zeta", "Kayo", "Acme"]);
    assert_eq!(answer.records[0]["Contacts"], Value::Null);
    let contacts = &answer.records[1]["Contacts"];
    assert_eq!((&contacts["totalSize"], &contacts["done"]), (&json!(2), &json!(true)));
    assert_eq!(contacts["records"][0]["LastName"], "Martin");
    assert_eq!(contacts["records"][0]["attributes"]["type"], "Contact");
    let soql = "SELECT TYPEOF Who WHEN Lead THEN Company, LastName WHEN Contact THEN Account.Name ELSE Name END FROM Task ORDER BY Subject";
    let whos = asker.column(soql, "Who");
    assert_eq!((&whos[0]["Company"], &whos[1]["Account"]["Name"]), (&json!("Un"), &json!("Kayo")));
}

#[test]
fn objects_and_ways_have_names_of_ones_own() {
    let asker = Asker::new();
    for (soql, want) in [
        ("SELECT c.LastName FROM Contact c WHERE c.Account.Name = 'Kayo' ORDER BY c.LastName", json!(["Bob", "Martin"])),
        ("SELECT c.LastName FROM Contact AS c WHERE c.LastName = 'Bob'", json!(["Bob"])),
        ("SELECT c.LastName FROM Contact c, c.Account a WHERE a.Name = 'Kayo' AND c.FirstName = 'Anne'", json!(["Martin"])),
        (
            "SELECT LastName FROM Contact c, c.Account AS a, a.Owner o WHERE o.Username = 'ada@org.example' ORDER BY LastName",
            json!(["Bob", "Martin"]),
        ),
    ] {
        assert_eq!(Value::Array(asker.column(soql, "LastName")), want, "{soql}");
    }
    let answer = asker.ask("SELECT a.Name, (SELECT k.LastName FROM a.Contacts k WHERE k.LastName = 'Bob') FROM Account a WHERE a.Name = 'Kayo'");
    assert_eq!(answer.records[0]["Contacts"]["records"][0]["LastName"], "Bob");
    let answer = asker.ask("SELECT toLabel(Status) words, c.Account.Name FROM Lead l, l.ConvertedContact c LIMIT 1");
    assert_eq!((&answer.records[0]["words"], &answer.records[0]["ConvertedContact"]), (&json!("Open - Not Contacted"), &Value::Null));
}

#[test]
fn texts_with_escapes_mean_their_letters() {
    let mut asker = Asker::new();
    let strange = "a\tb\"c'd\\e_f%g";
    let s = asker.s.clone();
    let fields = json!({"LastName": strange, "Company": "Cinq"});
    asker.org.create(&s, "Lead", fields.as_object().unwrap()).unwrap();
    for (condition, found) in [
        (r#"LastName = 'a\tb\"c\'d\\e\_f\%g'"#, true),
        (r#"LastName LIKE 'a\tb\"c\'d\\e\_f\%g'"#, true),
        (r#"LastName LIKE '%\\e\_f\%_'"#, true),
        (r#"LastName LIKE '%\_e%'"#, false),
        (r#"LastName = 'a\u0009b\u0022c\u0027d\u005Ce_f%g'"#, true),
    ] {
        assert_eq!(asker.leads(condition) == [strange], found, "{condition}");
    }
}

#[test]
fn order_limit_and_offset() {
    let asker = Asker::new();
    let cases = [
        ("ORDER BY Email", vec!["O'Neil", "Dupont", "éclair"]),
        ("ORDER BY Email NULLS LAST", vec!["Dupont", "éclair", "O'Neil"]),
        ("ORDER BY Email DESC", vec!["O'Neil", "éclair", "Dupont"]),
        ("ORDER BY Email DESC NULLS LAST", vec!["éclair", "Dupont", "O'Neil"]),
        ("ORDER BY Score__c DESC NULLS LAST, Id", vec!["Dupont", "O'Neil", "éclair"]),
        ("ORDER BY SystemModstamp, Id", vec!["éclair", "O'Neil", "Dupont"]),
        ("ORDER BY SystemModstamp, Id LIMIT 1 OFFSET 1", vec!["O'Neil"]),
        ("ORDER BY SystemModstamp DESC LIMIT 2", vec!["Dupont", "O'Neil"]),
        ("ORDER BY Owner.Name, LastName", vec!["Dupont", "éclair", "O'Neil"]),
        ("LIMIT 2", vec!["Dupont", "O'Neil"]),
        ("LIMIT 0", vec![]),
        ("OFFSET 2", vec!["éclair"]),
        ("LIMIT 1 FOR VIEW", vec!["Dupont"]),
        ("ALL ROWS", vec!["Dupont", "O'Neil", "éclair", "Gone"]),
    ];
    for (rest, want) in cases {
        let names = asker.column(&format!("SELECT LastName FROM Lead {rest}"), "LastName");
        assert_eq!(names, want, "{rest}");
    }
}

#[test]
fn query_all_sees_the_recycle_bin() {
    let asker = Asker::new();
    let all = asker.org.query(&asker.s, "SELECT LastName, IsDeleted FROM Lead WHERE IsDeleted = true", QueryScope::All);
    let all = all.unwrap();
    assert_eq!((all.total, &all.records[0]["LastName"]), (1, &json!("Gone")));
}

#[test]
fn counts_and_groups() {
    let asker = Asker::new();
    let count = asker.ask("SELECT COUNT() FROM Lead WHERE Email != null");
    assert_eq!((count.total, count.records.len()), (2, 0));
    assert_eq!(asker.ask("SELECT COUNT() FROM Lead LIMIT 2").total, 2);
    let group = |soql: &str| -> Vec<Value> {
        let mut records = asker.ask(soql).records;
        for record in &mut records {
            assert_eq!(record["attributes"], json!({"type": "AggregateResult"}), "{soql}");
            record.as_object_mut().unwrap().remove("attributes");
        }
        records
    };
    let cases = [
        (
            "SELECT Industry, COUNT(Id) n, SUM(AnnualRevenue), AVG(AnnualRevenue) a FROM Account GROUP BY Industry ORDER BY Industry",
            json!([{"Industry": "Media", "n": 2, "expr0": 15.0, "a": 7.5}, {"Industry": "Retail", "n": 1, "expr0": null, "a": null}]),
        ),
        ("SELECT Industry FROM Account GROUP BY Industry HAVING COUNT(Id) > 1", json!([{"Industry": "Media"}])),
        (
            "SELECT COUNT(Id), COUNT(Email), MAX(CreatedDate) last FROM Lead",
            json!([{"expr0": 3, "expr1": 2, "last": "2026-11-23T23:30:00.000+0000"}]),
        ),
        ("SELECT COUNT_DISTINCT(Industry) n FROM Account", json!([{"n": 2}])),
        ("SELECT MIN(LastName) FROM Lead", json!([{"expr0": "Dupont"}])),
        ("SELECT COUNT(Id) FROM Lead WHERE LastName = 'nobody'", json!([{"expr0": 0}])),
        ("SELECT Industry FROM Account WHERE Name = 'nobody' GROUP BY Industry", json!([])),
        (
            "SELECT CALENDAR_YEAR(CreatedDate) y, COUNT(Id) n FROM Lead GROUP BY CALENDAR_YEAR(CreatedDate) ORDER BY COUNT(Id) DESC",
            json!([{"y": 2026, "n": 2}, {"y": 2025, "n": 1}]),
        ),
        ("SELECT Owner.Name, COUNT(Id) FROM Lead GROUP BY Owner.Name ORDER BY Owner.Name LIMIT 1", json!([{"Name": "Ada Admin", "expr0": 2}])),
        ("SELECT Account.Name who, COUNT(Id) FROM Contact GROUP BY Account.Name", json!([{"who": "Kayo", "expr0": 2}])),
    ];
    for (soql, want) in cases {
        assert_eq!(Value::Array(group(soql)), want, "{soql}");
    }
}

#[test]
fn all_fields_at_once() {
    let asker = Asker::new();
    let record = &asker.ask("SELECT FIELDS(CUSTOM) FROM Lead WHERE Ext__c = 'e1' LIMIT 1").records[0];
    let names: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(names, ["Exact__c", "Ext__c", "Score__c", "Topics__c", "attributes"]);
    let standard = &asker.ask("SELECT FIELDS(STANDARD), Ext__c FROM Lead WHERE Ext__c = 'e1'").records[0];
    assert_eq!((&standard["Name"], &standard["Ext__c"]), (&json!("Dupont"), &json!("e1")));
    let labels = asker.ask("SELECT toLabel(Status) FROM Lead USING SCOPE mine");
    assert_eq!((labels.total, &labels.records[0]["Status"]), (2, &json!("Open - Not Contacted")));
}

#[test]
fn a_cursor_keeps_its_records() {
    let mut asker = Asker::new();
    let cursor = asker.org.open_query(&asker.s, "SELECT LastName FROM Lead", QueryScope::Live).unwrap();
    assert_eq!((cursor.total(), cursor.len()), (3, 3));
    let first = asker.org.page(&asker.s, &cursor, 0, 2);
    assert_eq!(first.len(), 2);
    let lead = asker.column("SELECT Id FROM Lead WHERE LastName = 'éclair'", "Id")[0].clone();
    asker.org.delete(&asker.s, "Lead", lead.as_str().unwrap()).unwrap();
    let fields = json!({"LastName": "New", "Company": "Late"});
    asker.org.create(&asker.s, "Lead", fields.as_object().unwrap()).unwrap();
    assert_eq!(asker.org.page(&asker.s, &cursor, 2, 2), Vec::<Value>::new());
    assert_eq!(asker.org.page(&asker.s, &cursor, 1, 1)[0]["LastName"], "O'Neil");
}
