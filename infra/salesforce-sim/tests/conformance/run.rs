//! Running cases: fixtures, steps, judgement.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::browser::{self, Person};
use crate::case::{Area, Case, Expect, Fixtures, SignIn, Step, Strictness, folder, read};
use crate::client::{Answer, Body, Wire, pairs};
use crate::keys::{self, Keys};
use crate::pattern::differs;
use crate::target::{self, Target};
use crate::variables::Variables;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// An answer is not what the case says.
    Failed(String),
    /// The case did not get as far as its answer.
    Broken(String),
    /// The target cannot run it.
    Skipped(String),
}

/// A case and its end.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub area: String,
    pub id: String,
    pub strict: Strictness,
    pub title: String,
    pub verdict: Verdict,
}

/// Spoils judged answers, to see that the suite notices.
pub type Spoiler = fn(Answer) -> Answer;

/// Runs cases against a target.
pub struct Runner {
    target: Target,
    wire: Wire,
    keys: Keys,
    fixtures: Fixtures,
    spoil: Option<Spoiler>,
    ahead: SignedDuration,
    number: u64,
    /// Seconds of the org's time that pass after each write.
    wait: i64,
}

enum Stop {
    Failed(String),
    Broken(String),
}

impl From<String> for Stop {
    fn from(text: String) -> Stop {
        Stop::Broken(text)
    }
}

impl Runner {
    pub fn new(target: Target, spoil: Option<Spoiler>) -> Runner {
        let mut fixtures: Fixtures = read(&folder().join("fixtures.yaml"));
        fixtures.variables.extend(target::variables());
        Runner { target, wire: Wire::new(), keys: Keys::new(), fixtures, spoil, ahead: SignedDuration::ZERO, number: 0, wait: 0 }
    }

    /// The same for an org that is given time after each write.
    pub fn waiting(self, seconds: i64) -> Runner {
        Runner { wait: seconds, ..self }
    }

    /// Runs all wanted cases of these areas, one after the other.
    pub async fn run(&mut self, areas: &[Area]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for area in areas {
            for case in area.cases.iter().filter(|case| target::wanted(&case.id, &area.area)) {
                let verdict = self.case(case).await;
                let (id, title) = (case.id.clone(), case.title.clone());
                outcomes.push(Outcome { area: area.area.clone(), id, strict: case.strict, title, verdict });
            }
        }
        outcomes
    }

    async fn case(&mut self, case: &Case) -> Verdict {
        let mut steps = Vec::new();
        for name in &case.given {
            match self.fixtures.fixtures.get(name) {
                Some(fixture) => steps.extend(fixture.iter().cloned()),
                None => return Verdict::Broken(format!("there is no fixture {name:?}")),
            }
        }
        steps.extend(case.steps.iter().cloned());
        if !self.target.control && steps.iter().any(Step::needs_control) {
            return Verdict::Skipped("it needs the control plane, which the target does not have".to_owned());
        }
        if !self.target.control && case.alone {
            return Verdict::Skipped("it needs an org without other records, and the target cannot be reset".to_owned());
        }
        if let Some(user) = self.unknown_user(&steps) {
            return Verdict::Skipped(format!("it needs a token: CONFORMANCE_TOKEN_{user} is not set"));
        }
        match self.play(case, &steps).await {
            Ok(()) => Verdict::Passed,
            Err(Stop::Failed(text)) => Verdict::Failed(text),
            Err(Stop::Broken(text)) => Verdict::Broken(text),
        }
    }

    /// A user whose token nobody can get.
    fn unknown_user(&self, steps: &[Step]) -> Option<String> {
        let asking = steps.iter().filter(|step| !self.target.control && step.request.is_some() && step.token.is_none());
        let users = asking.filter(|step| !step.is_bare()).map(|step| step.user.as_deref().unwrap_or("U2"));
        users.filter(|user| !matches!(*user, "nobody" | "dead")).find(|user| Target::token(user).is_none()).map(str::to_owned)
    }

    async fn play(&mut self, case: &Case, steps: &[Step]) -> Result<(), Stop> {
        if self.target.control {
            self.control("POST", "reset", &json!({})).await?;
            self.ahead = SignedDuration::ZERO;
        }
        let mut variables = self.fresh();
        if self.wait > 0 {
            self.pass(self.wait, &mut variables).await?;
        }
        for (place, step) in steps.iter().enumerate() {
            let times = step.repeat.unwrap_or(1);
            for i in 0..times {
                variables.set("i", i.to_string());
                self.step(case, step, &mut variables).await.map_err(|stop| {
                    let at = |text: String| {
                        format!("step {}{}: {text}", place + 1, step.request.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())
                    };
                    match stop {
                        Stop::Failed(text) => Stop::Failed(at(text)),
                        Stop::Broken(text) => Stop::Broken(at(text)),
                    }
                })?;
            }
        }
        Ok(())
    }

    fn fresh(&mut self) -> Variables {
        self.number += 1;
        let mut variables = Variables::new(self.fixtures.variables.clone(), self.ahead);
        variables.set("login", &self.target.login);
        variables.set("instance", &self.target.instance);
        variables.set("nonce", format!("{}x{}", std::process::id(), self.number));
        variables.set("A1.basic", keys::base64(&variables.fill("${A1.id}:${A1.secret}")));
        variables.set("public_key", self.keys.public_pem());
        variables
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> Result<Answer, String> {
        let url = format!("{}/__control/{path}", self.target.instance);
        let body = Body { media_type: Some("application/json"), bytes: body.to_string().into_bytes() };
        let answer = self.wire.send(method, &url, &[], body).await?;
        if answer.status >= 300 { Err(format!("control {method} {path}: {} {}", answer.status, answer.text())) } else { Ok(answer) }
    }

    async fn step(&mut self, case: &Case, step: &Step, variables: &mut Variables) -> Result<(), Stop> {
        if let Some(seconds) = step.advance {
            self.pass(seconds, variables).await?;
        }
        if let Some(jwt) = &step.jwt {
            let exp = variables.now().as_second() + jwt.exp;
            let claims = json!({"iss": variables.fill(&jwt.iss), "sub": variables.fill(&jwt.sub), "aud": variables.fill(&jwt.aud), "exp": exp});
            variables.set("assertion", self.keys.sign(&claims, jwt.wrong_key));
        }
        if let Some(signature) = &step.signature {
            let made = keys::hmac(&variables.fill(&signature.secret), &variables.fill(&signature.of));
            let found = variables.fill(&signature.is);
            // The spoiler cannot reach a value that was saved before, so it spoils the comparison instead.
            if made != found || self.spoil.is_some() {
                return Err(Stop::Failed(format!("the signature is {found} instead of {made}")));
            }
        }
        let answers = if let Some(control) = &step.control {
            let (method, path) = control.split_once(' ').ok_or_else(|| format!("{control:?} is no request"))?;
            let body = step.json.as_ref().map_or_else(|| json!({}), |body| variables.fill_value(body));
            vec![self.control(method, &variables.fill(path), &body).await?]
        } else if let Some(sign_in) = &step.sign_in {
            vec![self.sign_in(sign_in, variables).await?]
        } else if step.request.is_some() {
            let sent = (0..step.parallel.unwrap_or(1)).map(|i| self.send(step, variables.with("p", i as u64)));
            let arrived = join_all(sent).await.into_iter();
            if step.lost { arrived.flatten().collect() } else { arrived.collect::<Result<Vec<_>, _>>()? }
        } else {
            return Ok(());
        };
        for answer in answers {
            self.judge(case, step, answer, variables)?;
        }
        let written = step.request.as_deref().is_some_and(|request| !request.starts_with("GET ") && !request.contains(" login:"));
        if self.wait > 0 && (written || step.control.is_some()) {
            self.pass(self.wait, variables).await?;
        }
        Ok(())
    }

    /// Lets the org's time pass.
    async fn pass(&mut self, seconds: i64, variables: &mut Variables) -> Result<(), String> {
        self.control("POST", "clock", &json!({"advance_seconds": seconds})).await?;
        self.ahead += SignedDuration::from_secs(seconds);
        variables.ahead = self.ahead;
        Ok(())
    }

    async fn sign_in(&self, sign_in: &SignIn, variables: &Variables) -> Result<Answer, String> {
        let mut params: BTreeMap<String, String> = BTreeMap::from([
            ("response_type".to_owned(), "code".to_owned()),
            ("redirect_uri".to_owned(), variables.fill("${R}")),
            ("code_challenge".to_owned(), variables.fill("${challenge}")),
            ("code_challenge_method".to_owned(), "S256".to_owned()),
        ]);
        params.extend(sign_in.params.iter().map(|(name, value)| (name.clone(), variables.fill(value))));
        params.retain(|_, value| !value.is_empty());
        let person = Person {
            username: variables.fill(&format!("${{{}.name}}", sign_in.user)),
            password: variables.fill(&format!("${{{}.password}}", sign_in.user)),
            decision: if sign_in.deny { "deny" } else { "allow" },
        };
        browser::walk(&self.wire, &self.target.login, &format!("/services/oauth2/authorize?{}", pairs(&params)), &person).await
    }

    async fn send(&self, step: &Step, variables: Variables) -> Result<Answer, String> {
        let request = variables.fill(step.request.as_deref().unwrap_or_default());
        let (method, place) = request.split_once(' ').ok_or_else(|| format!("{request:?} is no request"))?;
        let mut url = match (place.strip_prefix("login:"), place.starts_with('/')) {
            (Some(path), _) => format!("{}{path}", self.target.login),
            (None, true) => format!("{}{place}", self.target.instance),
            (None, false) if place.starts_with("http") => place.to_owned(),
            (None, false) => format!("{}/services/data/v{}/{place}", self.target.instance, step.version.as_deref().unwrap_or("66.0")),
        };
        let mut params: BTreeMap<String, String> = step.params.iter().map(|(name, value)| (name.clone(), variables.fill(value))).collect();
        if let Some(soql) = &step.q {
            params.insert("q".to_owned(), variables.fill(soql));
        }
        if !params.is_empty() {
            url = format!("{url}{}{}", if url.contains('?') { '&' } else { '?' }, pairs(&params));
        }
        let mut headers: Vec<(String, String)> = step.headers.iter().map(|(name, value)| (name.clone(), variables.fill(value))).collect();
        if !step.is_bare()
            && let Some(token) = self.token(step, &variables).await?
        {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        self.wire.send(method, &url, &headers, body(step, &variables)).await
    }

    /// The token of a step; none for `nobody`, or where the step brings its own header.
    async fn token(&self, step: &Step, variables: &Variables) -> Result<Option<String>, String> {
        if step.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
            return Ok(None);
        }
        if let Some(token) = &step.token {
            return Ok(Some(variables.fill(token)));
        }
        match step.user.as_deref().unwrap_or("U2") {
            "nobody" => Ok(None),
            "dead" => Ok(Some("00D000000000000!dead".to_owned())),
            user if self.target.control => {
                let body = json!({"username": variables.fill(&format!("${{{user}.name}}")), "client_id": variables.fill("${A6.id}")});
                let answer = self.control("POST", "tokens", &body).await?;
                Ok(answer.json()["access_token"].as_str().map(str::to_owned))
            }
            user => Ok(Target::token(user)),
        }
    }

    fn judge(&self, case: &Case, step: &Step, answer: Answer, variables: &mut Variables) -> Result<(), Stop> {
        let judged = step.expectations();
        if judged.is_empty() {
            if answer.status >= 400 {
                return Err(Stop::Broken(format!("{} {}", answer.status, answer.text())));
            }
        } else {
            // What the control plane says is spoiled too: it stands for facts about the org.
            let seen = self.spoil.map_or_else(|| answer.clone(), |spoil| spoil(answer.clone()));
            let mut reasons = Vec::new();
            for expect in &judged {
                match unmet(expect, &seen, case, step, variables) {
                    Some(reason) => reasons.push(reason),
                    None => break,
                }
            }
            if reasons.len() == judged.len() {
                return Err(Stop::Failed(reasons.join("; or ")));
            }
        }
        for (name, source) in &step.save {
            let value = saved(&answer, source).ok_or_else(|| Stop::Failed(format!("{source} is not in the answer {}", answer.text())))?;
            variables.set(name, value);
        }
        Ok(())
    }
}

fn body(step: &Step, variables: &Variables) -> Body {
    let body = if let Some(json) = &step.json {
        Body { media_type: Some("application/json"), bytes: variables.fill_value(json).to_string().into_bytes() }
    } else if let Some(form) = &step.form {
        let form = form.iter().map(|(name, value)| (name.clone(), variables.fill(value))).collect();
        Body { media_type: Some("application/x-www-form-urlencoded"), bytes: pairs(&form).into_bytes() }
    } else if let Some(text) = &step.text {
        Body { media_type: Some("application/json"), bytes: variables.fill(text).into_bytes() }
    } else {
        Body::default()
    };
    if step.gzip { body.packed() } else { body }
}

/// Why an answer does not meet an expectation.
fn unmet(expect: &Expect, answer: &Answer, case: &Case, step: &Step, variables: &Variables) -> Option<String> {
    let shown = || answer.text().chars().take(600).collect::<String>();
    if step.control.is_none() && !case.status.is_empty() && !case.status.contains(&answer.status) && !case.also.contains(&answer.status) {
        return Some(format!("status {} is none of the case's: {}", answer.status, shown()));
    }
    if let Some(status) = &expect.status
        && !status.all().contains(&answer.status)
    {
        return Some(format!("status {} instead of {:?}: {}", answer.status, status.all(), shown()));
    }
    let parts =
        [(expect.body.as_ref(), answer.json()), (expect.text.as_ref(), Value::String(answer.text())), (expect.redirect.as_ref(), answer.redirect())];
    for (pattern, found) in &parts {
        if let Some(reason) = pattern.and_then(|pattern| differs(&variables.fill_value(pattern), found, case.strict)) {
            return Some(format!("{reason} in {}", shown()));
        }
    }
    expect.headers.iter().find_map(|(name, pattern)| {
        let found = answer.header(name).map(|text| json!({"value": text})).unwrap_or_else(|| json!({}));
        let pattern = json!({"value": variables.fill_value(pattern)});
        differs(&pattern, &found, case.strict).map(|reason| format!("header {name}: {reason}"))
    })
}

/// The value a step saves from an answer.
fn saved(answer: &Answer, source: &str) -> Option<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match source.split_once(':') {
        Some(("header", name)) => answer.header(name).map(str::to_owned),
        // The number after `api-usage=`.
        Some(("usage", _)) => {
            let text = answer.header("sforce-limit-info")?.split_once("api-usage=")?.1;
            Some(text.split('/').next()?.to_owned())
        }
        Some(("query", name)) => answer.redirect().pointer(&format!("/query/{name}")).map(text),
        // The last part of a path, such as the id at the end of a URL.
        Some(("last", pointer)) => answer.json().pointer(pointer).map(text)?.rsplit('/').next().map(str::to_owned),
        _ => answer.json().pointer(source).map(text),
    }
}
