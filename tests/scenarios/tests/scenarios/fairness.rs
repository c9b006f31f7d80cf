//! One connection's flood does not delay another's ten events.

use std::ops::Range;

use futures::{StreamExt, stream};
use jiff::SignedDuration;
use passerelle_core::{
    adapters::state::events::{Stored, StoredEvent},
    app::upsert::{self, Stopped, Workbench, Worked},
    domain::{
        event::Event,
        ids::{ConnectionId, EventId},
    },
    ports::Clock,
};
use passerelle_local::TABLE;
use passerelle_scenarios::{Scene, capture, person};
use serde_json::json;

/// Events of the connection with much to do.
const FLOOD: usize = 50_000;
/// How many of them are stored at the same time.
const PARALLEL: usize = 64;

/// Stores captures of as many people, whose numbers begin here.
async fn store(scene: &Scene, c: &ConnectionId, numbers: Range<usize>) {
    let now = scene.clock.now();
    let source = c.as_str().parse().unwrap();
    let storing = numbers.clone().map(|n| {
        let event: Event = serde_json::from_value(capture(&format!("e{n}"), person(n))).unwrap();
        let stored = StoredEvent::new(c, &event, &source, now);
        async move { scene.stack.ports().table.store_event(c, &event.id, &stored).await.unwrap() }
    });
    let new = stream::iter(storing).buffer_unordered(PARALLEL).filter(|stored| std::future::ready(*stored == Stored::New)).count().await;
    assert_eq!(new, numbers.len());
}

/// Sweeps as the schedule does, in a function that has a minute.
async fn sweep(scene: &Scene, bench: &Workbench) -> Vec<(ConnectionId, Worked)> {
    let deadline = scene.clock.now() + SignedDuration::from_secs(60);
    let worked = upsert::sweep(scene.stack.ports(), bench, deadline).await.unwrap();
    worked.into_iter().map(|(c, worked)| (c, worked.unwrap())).collect()
}

/// How many events of a connection were applied, and why its work stopped.
fn of<'w>(worked: &'w [(ConnectionId, Worked)], c: &ConnectionId) -> (Option<&'w usize>, Option<Stopped>) {
    let worked = &worked.iter().find(|(worked, _)| worked == c).unwrap().1;
    (worked.outcomes.get("applied"), worked.stopped)
}

fn ids(numbers: &Range<usize>) -> Vec<EventId> {
    numbers.clone().map(|n| format!("e{n}").parse().unwrap()).collect()
}

async fn applied(scene: &Scene, c: &ConnectionId, numbers: &Range<usize>) -> bool {
    let events = scene.stack.ports().table.load_events(c, &ids(numbers)).await.unwrap();
    events.len() == numbers.len() && events.iter().all(|(_, event)| event.status == "applied")
}

/// Leads in the org beside so many of the connection with little to do.
fn flood_leads(scene: &Scene, others: usize) -> usize {
    scene.org().with_org(|org| org.count("Lead").unwrap()).saturating_sub(others)
}

/// Looks again and again, for half a minute at most.
async fn until(condition: impl AsyncFn() -> bool) {
    for _ in 0..1_500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("this has not come to be");
}

/// Ten are there when the sweep begins, and ten come while the flood is being worked: each are done by the first sweep that
/// sees them, and what the flood has left is due as before.
#[tokio::test(flavor = "multi_thread")]
async fn ten_events_are_applied_within_one_sweep_beside_a_flood_of_another_connection() {
    let scene = Scene::new().await;
    // Nothing reads the stream here, and the embedded database searches all of it for each write.
    let without_stream = json!({ "TableName": TABLE, "StreamSpecification": { "StreamEnabled": false } });
    scene.stack.database().update_table(serde_json::from_value(without_stream).unwrap()).unwrap();
    let (flooded, small) = (scene.active("kayo").await, scene.active("other").await);
    let (flood, early, late) = (0..FLOOD, FLOOD..FLOOD + 10, FLOOD + 10..FLOOD + 20);
    store(&scene, &flooded, flood).await;
    store(&scene, &small, early.clone()).await;
    scene.clock.advance(SignedDuration::from_secs(125));

    let (scene, bench) = (&scene, &Workbench::default());
    let meanwhile = async {
        until(async || applied(scene, &small, &early).await).await;
        let before_the_early = flood_leads(scene, early.len());
        // The flood's first batch is in the org: its shift is at work. The stream brings news of both.
        until(async || flood_leads(scene, early.len()) > 0).await;
        store(scene, &small, late.clone()).await;
        let hints = [(small.clone(), ids(&late)), (flooded.clone(), ids(&(0..1)))].into();
        let streamed = upsert::work_all(scene.stack.ports(), bench, hints, scene.clock.now() + SignedDuration::from_secs(60)).await;
        let before_the_late = flood_leads(scene, early.len() + late.len());
        // The minute of the first function runs out.
        scene.clock.advance(SignedDuration::from_secs(60));
        (streamed, [before_the_early, before_the_late])
    };
    let (swept, (streamed, before)) = tokio::join!(sweep(scene, bench), meanwhile);
    assert_eq!(of(&swept, &small), (Some(&early.len()), None));
    let streamed: Vec<_> = streamed.into_iter().map(|(c, worked)| (c, worked.unwrap())).collect();
    assert_eq!(of(&streamed, &small), (Some(&late.len()), None));
    assert_eq!(of(&streamed, &flooded), (None, Some(Stopped::Busy)), "the flood was still being worked");
    let (done, stopped) = of(&swept, &flooded);
    assert_eq!(stopped, Some(Stopped::Deadline));
    assert!(before.iter().all(|done| *done < FLOOD / 10), "{before:?} of the flood came before the ten");
    let left = scene.stack.ports().table.due_events(&flooded, scene.clock.now(), FLOOD).await.unwrap();
    assert_eq!(left.len() + done.unwrap(), FLOOD, "what is left is due");
}
