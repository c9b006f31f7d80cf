//! The merge's algebra, over values, bases, times and rules of every kind.
#![allow(clippy::unwrap_used)]

use proptest::{prelude::*, strategy::Strategy as Gen};
use serde_json::json;

use super::{Strategy, *};

/// A field as both sides have it.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    platform: Value,
    salesforce: Value,
    platform_base: Option<Value>,
    salesforce_base: Option<Value>,
    platform_at: Option<Timestamp>,
    salesforce_at: Option<Timestamp>,
}

impl Field {
    fn merge(&self, policy: &Policy) -> Decision {
        let platform = Sighting { value: &self.platform, base: self.platform_base.as_ref(), at: self.platform_at };
        let salesforce = Sighting { value: &self.salesforce, base: self.salesforce_base.as_ref(), at: self.salesforce_at };
        merge(policy, platform, salesforce, &same)
    }

    /// The field after the decision was carried out.
    fn after(&self, decision: &Decision) -> Self {
        let mut after = self.clone();
        match &decision.action {
            Action::Nothing => {}
            Action::ToSalesforce(value) => after.salesforce = value.clone(),
            Action::ToPlatform(value) => after.platform = value.clone(),
        }
        if let Some(bases) = &decision.bases {
            after.platform_base = Some(bases.platform.clone());
            after.salesforce_base = Some(bases.salesforce.clone());
        }
        after
    }

    fn swapped(&self) -> Self {
        Self {
            platform: self.salesforce.clone(),
            salesforce: self.platform.clone(),
            platform_base: self.salesforce_base.clone(),
            salesforce_base: self.platform_base.clone(),
            platform_at: self.salesforce_at,
            salesforce_at: self.platform_at,
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    crate::domain::mapping::codec::same(None, a, b)
}

fn mirrored(policy: &Policy) -> Policy {
    let strategy = match policy.strategy {
        Strategy::AlwaysPlatform => Strategy::AlwaysSalesforce,
        Strategy::AlwaysSalesforce => Strategy::AlwaysPlatform,
        other => other,
    };
    let direction = match policy.direction {
        Direction::ToSalesforce => Direction::ToPlatform,
        Direction::ToPlatform => Direction::ToSalesforce,
        Direction::Both => Direction::Both,
    };
    Policy { strategy, direction, ..*policy }
}

fn value() -> impl Gen<Value = Value> {
    prop_oneof![
        3 => prop::sample::select(vec![json!("A"), json!("B"), json!("C"), json!(" a@B.fr "), json!("A@b.fr")]),
        2 => prop::sample::select(vec![json!(null), json!(""), json!("  ")]),
        1 => prop::sample::select(vec![json!(true), json!(false), json!(1), json!(1.0)]),
        1 => prop::sample::select(vec![json!("x".repeat(2_000)), json!("y".repeat(2_000))]),
    ]
}

fn base() -> impl Gen<Value = Option<Value>> {
    prop::option::of(value().prop_map(|value| remember(&value)))
}

fn time() -> impl Gen<Value = Option<Timestamp>> {
    prop::option::of((0_i64..3).prop_map(|day| Timestamp::from_second(1_767_225_600 + day * 86_400).unwrap()))
}

fn field() -> impl Gen<Value = Field> {
    (value(), value(), base(), base(), time(), time()).prop_map(
        |(platform, salesforce, platform_base, salesforce_base, platform_at, salesforce_at)| Field {
            platform,
            salesforce,
            platform_base,
            salesforce_base,
            platform_at,
            salesforce_at,
        },
    )
}

fn policy() -> impl Gen<Value = Policy> {
    let strategies = vec![Strategy::AlwaysPlatform, Strategy::AlwaysSalesforce, Strategy::FillIfBlank, Strategy::MostRecent, Strategy::Inherit];
    let directions = vec![Direction::ToSalesforce, Direction::ToPlatform, Direction::Both];
    (prop::sample::select(strategies), prop::sample::select(directions), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(strategy, direction, update_blanks, clears, do_not_contact)| Policy { strategy, direction, update_blanks, clears, do_not_contact },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    #[test]
    fn a_run_after_a_run_has_no_writes(policy in policy(), field in field()) {
        let first = field.merge(&policy);
        let after = field.after(&first);
        let second = after.merge(&policy);
        prop_assert_eq!(&second.action, &Action::Nothing, "{:?} then {:?}", first, second);
        // And a third finds what the second left.
        prop_assert_eq!(after.after(&second).merge(&policy).action, Action::Nothing);
    }

    #[test]
    fn merging_twice_changes_nothing(policy in policy(), field in field()) {
        let once = field.after(&field.merge(&policy));
        let twice = once.after(&once.merge(&policy));
        prop_assert_eq!((&once.platform, &once.salesforce), (&twice.platform, &twice.salesforce));
    }

    #[test]
    fn swapped_sides_and_mirrored_rules_give_the_mirrored_result(policy in policy(), field in field()) {
        let here = field.merge(&policy);
        let there = field.swapped().merge(&mirrored(&policy));
        // What nobody can decide is Salesforce's, on both sides of the mirror.
        prop_assume!(!here.conflict && !there.conflict);
        let mirrored = match there.action {
            Action::Nothing => Action::Nothing,
            Action::ToSalesforce(value) => Action::ToPlatform(value),
            Action::ToPlatform(value) => Action::ToSalesforce(value),
        };
        // An undated opt-out is told by its value; other values of such a field mean nothing.
        if !policy.do_not_contact || (field.platform.is_boolean() && field.salesforce.is_boolean()) {
            prop_assert_eq!(here.action, mirrored);
        }
    }

    #[test]
    fn a_blank_never_wipes_a_value_unless_the_rule_says_so(policy in policy(), field in field()) {
        let decision = field.merge(&policy);
        if let Action::ToSalesforce(value) | Action::ToPlatform(value) = &decision.action
            && value.is_null()
        {
            prop_assert!(policy.clears && !policy.do_not_contact);
            let base = if matches!(decision.action, Action::ToSalesforce(_)) { &field.platform_base } else { &field.salesforce_base };
            prop_assert!(base.as_ref().is_some_and(|base| !is_blank(base)));
        }
    }

    #[test]
    fn values_go_only_where_the_direction_lets_them(policy in policy(), field in field()) {
        match field.merge(&policy).action {
            Action::ToSalesforce(_) => prop_assert!(policy.direction != Direction::ToPlatform),
            Action::ToPlatform(_) => prop_assert!(policy.direction != Direction::ToSalesforce),
            Action::Nothing => {}
        }
    }
}
