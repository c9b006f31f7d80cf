//! Standard objects that a real org has and this one has not: known, so that they are told from objects that nobody has.

/// The names, one word each.
const OBJECTS: &str = include_str!("objects/elsewhere.txt");
/// What their records are called in sub-queries.
const RELATIONSHIPS: &str = include_str!("objects/elsewhere_relationships.txt");
/// The names of fields, for each of the objects that are here with some of theirs.
const FIELDS: &str = include_str!("objects/elsewhere_fields.txt");
/// What a real org has beside an object under the object's name with an ending.
const BESIDE: &[&str] = &["ChangeEvent", "Feed", "History", "Localization", "OwnerSharingRule", "Share", "Tag"];

/// Whether a name is that of a standard object which this org does not have.
pub(crate) fn is_elsewhere(name: &str) -> bool {
    has(OBJECTS, name) || BESIDE.iter().any(|ending| stem(name, ending).is_some_and(|stem| has(OBJECTS, stem) || is_here(stem)))
}

/// Whether a sub-query over a relationship of this name brings records of such objects.
pub(crate) fn is_relationship_elsewhere(name: &str) -> bool {
    has(RELATIONSHIPS, name)
}

/// Whether a field, or the relationship of a reference, is one that a real org has on an object and this one has not.
pub(crate) fn is_field_elsewhere(object: &str, name: &str) -> bool {
    let reference = format!("{name}Id");
    fields_of(object).any(|own| match own.strip_suffix('*') {
        Some(beginning) => name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning)),
        None => own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(&reference),
    })
}

/// The fields listed for an object: those on its line and on the indented ones below.
fn fields_of(object: &str) -> impl Iterator<Item = &'static str> {
    let mut own = false;
    let object = object.to_owned();
    let lines = FIELDS.lines().filter_map(move |line| match line.split_once(": ") {
        Some((name, rest)) => {
            own = name.eq_ignore_ascii_case(&object);
            own.then_some(rest)
        }
        None => own.then_some(line),
    });
    lines.flat_map(str::split_whitespace)
}

fn has(list: &str, name: &str) -> bool {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).any(|own| own.eq_ignore_ascii_case(name))
}

fn is_here(name: &str) -> bool {
    super::standard::names().any(|own| own.eq_ignore_ascii_case(name))
}

fn stem<'n>(name: &'n str, ending: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(ending.len()).filter(|at| *at > 0)?;
    let (stem, end) = name.split_at_checked(at)?;
    end.eq_ignore_ascii_case(ending).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_here_elsewhere_or_nowhere() {
        for name in
            ["Case", "product2", "ContentDocumentLink", "LeadShare", "AccountFeed", "CaseHistory", "OpportunityFieldHistory", "LeadChangeEvent"]
        {
            assert!(is_elsewhere(name), "{name}");
        }
        for name in ["Leadz", "Case__c", "Share", "NopeShare", "History", "", "Lead__Share"] {
            assert!(!is_elsewhere(name), "{name}");
        }
        for name in super::super::standard::names() {
            assert!(!has(OBJECTS, name), "{name} is here");
        }
        assert!(is_relationship_elsewhere("cases") && !is_relationship_elsewhere("Contacts") && !is_relationship_elsewhere("Kids"));
    }

    #[test]
    fn fields_are_here_elsewhere_or_nowhere() {
        let cases = [
            ("Opportunity", "NextStep", true),
            ("opportunity", "pricebook2", true),
            ("User", "UserPreferencesDisableAllFeedsEmail", true),
            ("Profile", "UserLicense", true),
            ("Opportunity", "Nope", false),
            ("Lead", "NextStep", false),
            ("Opportunity", "NextStep__c", false),
        ];
        for (object, name, want) in cases {
            assert_eq!(is_field_elsewhere(object, name), want, "{object}.{name}");
        }
        let schema = super::super::Schema::standard(jiff::Timestamp::UNIX_EPOCH);
        let mut listed = 0;
        for (_, object) in schema.numbered() {
            for name in fields_of(&object.name) {
                assert!(object.field_no(name).is_none(), "{}.{name} is here", object.name);
                listed += 1;
            }
        }
        assert!(listed > 200, "only {listed} fields are listed for objects that are here");
    }
}
