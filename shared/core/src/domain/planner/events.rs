//! Which of a person's events are to be worked, and what becomes of the others.

use serde_json::Value;

use super::{Case, OpenEvent};
use crate::domain::{
    config::{Action, Toggle, Workflow},
    engine::{Engine, Placement},
    event::CHANGED,
    mapping::Scene,
    plan::{Cause, EventPlan, Fate, Outcome, Step, Unchanged},
    words::Sentence,
};
use crate::planted::{self, Bug};

/// A person's events, sorted out.
pub(super) struct Sorted {
    /// Those to be worked, in order of occurrence.
    pub live: Vec<Live>,
    /// Those whose outcome is known without looking at Salesforce.
    pub settled: Vec<EventPlan>,
}

/// An event to be worked.
pub(super) struct Live {
    pub open: OpenEvent,
    pub context: Value,
    /// The actions that it sets off: position of the workflow, position of the action.
    pub actions: Vec<(usize, usize)>,
    /// Whether any of the workflows' actions is about the person's record: whoever is needed is made by it.
    pub person_action: bool,
    /// Whether it writes a record that is there. Otherwise that is left to the next run.
    pub updates: bool,
    /// Whether any of them takes the event for a wish to get no e-mails.
    pub unsubscribes: bool,
    /// Whether it stated anything that was not known to be newer.
    pub news: bool,
}

impl Live {
    /// Whether all that the event sets off is that the person wants no e-mails.
    pub fn only_unsubscribes(&self) -> bool {
        self.unsubscribes && self.actions.len() == 1
    }

    /// Whether it sets nothing off, and only tells what has changed.
    pub const fn only_tells(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether an earlier try may have written of it unseen.
    pub const fn in_doubt(&self) -> bool {
        self.open.doubt.is_some()
    }

    /// What it sets off.
    pub fn acts<'e>(&self, engine: &'e Engine) -> impl Iterator<Item = Act<'e>> {
        self.actions.iter().filter_map(|(w, a)| {
            let workflow = engine.document.workflows.get(*w)?;
            Some(Act { workflow, w: *w, a: *a, action: workflow.actions.get(*a)? })
        })
    }

    /// What decides which rules of a mapping hold for it.
    pub fn scene(&self) -> Scene<'_> {
        let mut workflows: Vec<usize> = self.actions.iter().map(|(w, _)| *w).collect();
        workflows.dedup();
        Scene { project: self.open.event.project.as_ref().map(|project| &project.id), workflows }
    }
}

/// An action that an event sets off.
pub(super) struct Act<'e> {
    workflow: &'e Workflow,
    /// The position of its workflow.
    pub w: usize,
    /// Its position there.
    pub a: usize,
    pub action: &'e Action,
}

impl Act<'_> {
    /// The step that the action is for that event.
    pub fn step(&self, live: &Live) -> Step {
        Step { event: live.open.event.id.clone(), name: format!("{}/{}", self.workflow.name, self.a) }
    }
}

/// Sorts the events out and folds those to be worked into the person.
pub(super) fn sort_out(engine: &Engine, case: &mut Case) -> Sorted {
    let at_once = engine.document.reconciliation.push_on_events == Toggle::On;
    let mut sorted = Sorted { live: Vec::new(), settled: Vec::new() };
    for open in std::mem::take(&mut case.events) {
        let settle = |outcome| EventPlan { event: open.event.id.clone(), fate: Fate::Settled(outcome) };
        let project = match engine.placement(&open.event) {
            Placement::Handled(project) => project,
            Placement::Off => {
                sorted.settled.push(settle(Outcome::Unchanged { because: Unchanged::ProjectOff }));
                continue;
            }
            Placement::Unknown(id) => {
                let message = Sentence::new(
                    format!("The project {id} is not part of the configuration. Add it, and the event goes on."),
                    format!("Le projet {id} ne fait pas partie de la configuration. Ajoutez-le, et l'événement suivra."),
                );
                sorted.settled.push(settle(Outcome::Parked { problem: Cause::new("unknown_project", engine.say(&message)) }));
                continue;
            }
        };
        let mut context = open.event.context(&engine.document.platform.name, project.map(|project| project.name.as_str()));
        let matching = match engine.matching(&open.event, &context) {
            Ok(matching) => matching,
            Err(error) => {
                let message = Sentence::new(
                    format!("A filter could not be applied to the event: {error}"),
                    format!("Un filtre n'a pas pu être appliqué à l'événement : {error}"),
                );
                sorted.settled.push(settle(Outcome::Parked { problem: Cause::new("filter_failed", engine.say(&message)) }));
                continue;
            }
        };
        if matching.is_empty() && open.event.kind != CHANGED {
            sorted.settled.push(settle(Outcome::Unchanged { because: Unchanged::NoWorkflow }));
            continue;
        }
        let acts = |action: &Action| at_once || !matches!(action, Action::Person(_));
        let all = matching.iter().flat_map(|(w, workflow)| workflow.actions.iter().enumerate().map(move |(a, action)| (*w, a, action)));
        let actions: Vec<(usize, usize)> = all.filter(|(.., action)| acts(action)).map(|(w, a, _)| (w, a)).collect();
        let person_action = matching.iter().flat_map(|(_, workflow)| &workflow.actions).any(|action| matches!(action, Action::Person(_)));
        let unsubscribes = matching.iter().flat_map(|(_, workflow)| &workflow.actions).any(|action| matches!(action, Action::Unsubscribe(_)));
        let clears = |path: &str| engine.clears(path);
        let mut news = if case.person.is_company() {
            let stated = engine.company_of(&open.event).unwrap_or_default();
            let news = case.person.fold_company(&open.event, &stated, clears);
            // Texts and filters see the event as it came, rules of the account what it says of the company.
            context.as_object_mut().into_iter().for_each(|context| _ = context.insert("company".to_owned(), Value::Object(stated.clone())));
            news
        } else {
            if let Some(company) = &open.company {
                case.person.belongs_to(company.clone(), &open.event);
            }
            case.person.fold(&open.event, &context, engine.paths(), clears)
        };
        if unsubscribes && !case.person.is_company() && !(planted::is(Bug::ForgetOptOut) && case.person.link.is_none()) {
            news |= case.person.state(engine.opt_out_path().to_owned(), Value::Bool(true), &open.event);
        }
        case.person.aliases.retain(|alias| !case.foreign.contains(alias));
        case.person.aliases.extend(case.taken.keys().cloned());
        sorted.live.push(Live { open, context, actions, person_action, updates: person_action && at_once, unsubscribes, news });
    }
    sorted
}
