use super::narrow::Access;
use super::*;

/// The way to the records that a query takes; none when it looks at all of them.
fn access(asker: &Asker, soql: &str) -> Option<Access> {
    let binder = Binder { org: &asker.org, session: Some(&asker.s), query: soql };
    let runner = Runner::new(&asker.org, &asker.s, QueryScope::Live);
    let plan = runner.resolve(Plan::new(&binder, &parse::parse(soql).unwrap()).unwrap());
    let table = asker.org.table(plan.object).unwrap();
    narrow::choose(&plan.test.unwrap(), table)
}

#[test]
fn queries_take_the_index_that_leaves_least() {
    let asker = Asker::new();
    let cases = [
        ("Ext__c = 'e1'", "values"),
        ("Email IN ('a@x.example', 'b@x.example')", "values"),
        ("Id = '00QD00000000001'", "values"),
        ("OwnerId = '005D00000000001' AND Ext__c = 'e1'", "values"),
        ("SystemModstamp > 2026-01-01T00:00:00Z", "between"),
        ("CreatedDate = TODAY", "between"),
        ("CreatedDate = TODAY AND Title = 'x'", "between"),
        ("Ext__c = 'e1' OR Email = 'a@x.example'", "union"),
        ("Ext__c = 'e1' OR Title = 'x'", "all"),
        ("Title = 'x'", "all"),
        ("Ext__c = null", "all"),
        ("Ext__c != 'e1'", "all"),
        ("NOT Ext__c = 'e1'", "all"),
        ("Owner.Name = 'x'", "all"),
    ];
    for (condition, want) in cases {
        let soql = format!("SELECT Id FROM Lead WHERE {condition}");
        let got = match access(&asker, &soql) {
            None => "all",
            Some(Access::Values(..)) => "values",
            Some(Access::Between(..)) => "between",
            Some(Access::Union(_)) => "union",
        };
        assert_eq!(got, want, "{condition}");
    }
}

#[test]
fn bounds_of_one_field_become_one_range() {
    let asker = Asker::new();
    let soql = "SELECT Id FROM Lead WHERE SystemModstamp >= 2026-11-22T00:00:00Z AND SystemModstamp < 2026-11-23T00:00:00Z";
    let Some(Access::Between(_, from, to)) = access(&asker, soql) else {
        panic!("the range is not used");
    };
    assert_eq!(to - from, 24 * 3_600_000 - 1);
}
