//! How writes are packed into calls, and what becomes of those that are not sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::json;

use super::super::pace::Pace;
use super::*;
use crate::{
    adapters::salesforce::composite::SubAnswer,
    domain::{
        config::{Duplicates, Toggle},
        ids::{EventId, PersonKey},
        person::Person,
        plan::{Change, EventPlan, Fate, PersonPlan, Step},
    },
};

/// An org that takes everything that its flow can do, until its time is up.
struct Scripted {
    most: usize,
    pace: Pace,
    /// The longest collection of leads that the org's flow can do.
    flow: usize,
    calls_left: usize,
    /// Records by call and collection.
    sizes: Vec<Vec<usize>>,
    made: u32,
}

impl Caller for Scripted {
    fn most(&self) -> usize {
        self.most
    }

    fn most_together(&self, object: &ObjectName) -> usize {
        self.pace.together(object)
    }

    fn learn(&mut self, object: &ObjectName, records: usize, ended: Together) {
        self.pace.learn_list(object, records, ended);
    }

    async fn call(&mut self, _: &Plan, _: &BTreeSet<WriteId>, call: &Composite) -> Result<CompositeAnswer, Option<SalesforceError>> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(None)?;
        let mut sizes = Vec::new();
        let mut answers = Vec::new();
        for sub in &call.subs {
            let count = sub.body.as_ref().unwrap()["records"].as_array().unwrap().len();
            let leads = sub.body.as_ref().unwrap()["records"][0]["attributes"]["type"] == "Lead";
            let saved = (0..count).map(|_| {
                if leads && count > self.flow {
                    return json!({"success": false, "errors": [{"statusCode": "CANNOT_EXECUTE_FLOW_TRIGGER", "message": "CPU time", "fields": []}]});
                }
                self.made += 1;
                json!({"id": RecordId::parse(&format!("00Q{:012}", self.made)).unwrap(), "success": true, "errors": []})
            });
            let body = saved.collect();
            sizes.push(count);
            answers.push(SubAnswer { reference_id: sub.reference_id.clone(), status: 200, body, headers: BTreeMap::new() });
        }
        self.sizes.push(sizes);
        Ok(CompositeAnswer { subs: answers })
    }

    async fn alone(&mut self, _: &Plan, _: WriteId, _: &Alone) -> Result<(), Option<SalesforceError>> {
        Err(None)
    }
}

/// New people with one activity each.
fn plan(people: usize) -> Plan {
    let mut plan = Plan::default();
    for n in 0..people {
        let (person, event) = (PersonKey::parse(&format!("p{n}")).unwrap(), EventId::parse(&format!("e{n}")).unwrap());
        let change = |field: &str, new| Change::plain(FieldName::parse(field).unwrap(), new);
        let write = |object: &str, change, step| Write {
            person: person.clone(),
            object: ObjectName::parse(object).unwrap(),
            operation: Operation::Create,
            changes: vec![change],
            step,
            unmodified_since: None,
        };
        let lead = WriteId(plan.writes.len());
        plan.writes.push(write("Lead", change("LastName", NewValue::Value(json!("Roy"))), None));
        let step = Step { event: event.clone(), name: "capture/1".to_owned() };
        plan.writes.push(write("Event", change("WhoId", NewValue::Created(lead)), Some(step)));
        let person = Person::new(person);
        plan.people.push(PersonPlan {
            save: true,
            record: Some(lead),
            events: vec![EventPlan { event, fate: Fate::After(vec![lead, WriteId(lead.0 + 1)]) }],
            ..PersonPlan::new(person.clone(), &person, false)
        });
    }
    plan
}

async fn run(plan: &Plan, references: bool, most: usize, calls: usize) -> (Vec<Vec<usize>>, Vec<WriteResult>) {
    run_with_flow(plan, references, most, calls, MAX_WRITTEN).await
}

async fn run_with_flow(plan: &Plan, references: bool, most: usize, calls: usize, flow: usize) -> (Vec<Vec<usize>>, Vec<WriteResult>) {
    let options = CallOptions { assignment_rules: Toggle::Off, duplicates: Duplicates::Park };
    let dialect = Dialect { version: ApiVersion::parse("66.0").unwrap(), options, references };
    let mut org = Scripted { most, pace: Pace::default(), flow, calls_left: calls, sizes: Vec::new(), made: 0 };
    let executed = execute(plan, &dialect, &mut org).await;
    (org.sizes, executed.results)
}

#[tokio::test]
async fn calls_carry_five_collections_and_no_more_than_the_pace_allows() {
    for (name, people, references, most, want) in [
        ("with references", 3, true, 1_000, vec![vec![3, 3]]),
        ("without", 3, false, 1_000, vec![vec![3], vec![3]]),
        ("five collections", 500, true, 1_000, vec![vec![200, 200, 200, 200, 100], vec![100]]),
        ("ten", 1_000, true, 1_000, vec![vec![200; 5], vec![200; 5]]),
        ("a slow org", 3, true, 4, vec![vec![2, 2], vec![1, 1]]),
        ("an odd pace", 3, true, 3, vec![vec![2, 1], vec![1, 1, 1]]),
        ("one at a time", 2, true, 1, vec![vec![1], vec![1], vec![1], vec![1]]),
    ] {
        let plan = plan(people);
        let (sizes, results) = run(&plan, references, most, usize::MAX).await;
        assert_eq!(sizes, want, "{name}");
        assert!(results.iter().all(|result| matches!(result, WriteResult::Saved(_))), "{name}");
    }
}

#[tokio::test]
async fn a_collection_that_a_flow_refuses_as_a_whole_goes_again_in_shorter_ones() {
    let plan = plan(100);
    let (sizes, results) = run_with_flow(&plan, false, 1_000, usize::MAX, 30).await;
    assert_eq!(sizes, [vec![100], vec![50, 50], vec![25; 4], vec![100]], "100 leads, in halves, in quarters, then their activities");
    assert!(results.iter().all(|result| matches!(result, WriteResult::Saved(_))));

    // A flow that fails for every lead is no matter of length: what few cannot do is refused.
    let (sizes, results) = run_with_flow(&plan, false, 1_000, usize::MAX, 0).await;
    assert_eq!(sizes, [vec![100], vec![50, 50], vec![25; 4]]);
    assert!(results.iter().all(|result| matches!(result, WriteResult::Refused(cause) if cause.code == "CANNOT_EXECUTE_FLOW_TRIGGER")));
}

#[tokio::test]
async fn whom_no_call_was_about_is_left_untouched() {
    let plan = plan(3);
    // One call, of two leads: the first two people are begun, the third is not.
    let (sizes, results) = run(&plan, false, 2, 1).await;
    assert_eq!(sizes, [[2]]);
    let untouched: Vec<bool> = plan.people.iter().map(|person| person.is_untouched(&results)).collect();
    assert_eq!(untouched, [false, false, true]);
}

#[test]
fn who_waits_for_no_write_is_not_untouched() {
    let mut plan = plan(1);
    plan.people[0].events.clear();
    assert!(!plan.people[0].is_untouched(&[]));
}
