use super::*;
use crate::seed::{FieldAccess, FieldRule, Who};

#[test]
fn unknown_names_are_shown_at_their_place() {
    let asker = Asker::new();
    let error = asker.error("SELECT Nope FROM Lead");
    assert_eq!((error.status, error.code.as_str()), (400, "INVALID_FIELD"));
    assert_eq!(
        error.message,
        "\nSELECT Nope FROM Lead\n       ^\nERROR at Row:1:Column:8\nNo such column 'Nope' on entity 'Lead'. If you are \
         attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your \
         WSDL or the describe call for the appropriate names."
    );
    let error = asker.error("SELECT Id FROM Leadz");
    assert_eq!(error.code, "INVALID_TYPE");
    assert!(error.message.contains("Column:16\nsObject type 'Leadz' is not supported. If you are attempting to use a custom object"));
}

#[test]
fn tokens_that_fit_nowhere() {
    let asker = Asker::new();
    let cases = [
        ("SELECT Id FROM Lead WHERE From", 27, "From"),
        ("SELECT Id FROM Lead WHERE", 26, "<EOF>"),
        ("SELECT FROM Lead", 8, "FROM"),
        ("SELECT Id, FROM Lead", 12, "FROM"),
        ("SELECT Id Lead", 15, "<EOF>"),
        ("SELECT Id FROM Lead WHERE A = 1 AND B = 2 OR C = 3", 43, "OR"),
        ("SELECT Id FROM Lead WHERE LastName = 'a' AND NOT LastName = 'b'", 46, "NOT"),
        ("SELECT Id FROM Lead WHERE LastName == 'a'", 37, "="),
        ("SELECT Id FROM Lead WHERE LastName = a", 38, "a"),
        ("SELECT Id FROM Lead WHERE LastName IN 'a'", 39, "'a'"),
        ("SELECT Id FROM Lead WHERE LastName IN ()", 40, ")"),
        ("SELECT Id FROM Lead WHERE (LastName = 'a'", 42, "<EOF>"),
        ("SELECT Id FROM Lead LIMIT x", 27, "x"),
        ("SELECT Id FROM Lead AS", 23, "<EOF>"),
        ("SELECT Id FROM Lead l m", 23, "m"),
        ("SELECT Id FROM Lead, Contact", 29, "<EOF>"),
        ("SELECT Id FROM Lead USING SCOPE nope", 33, "nope"),
        ("SELECT Id FROM Lead LIMIT 1 LIMIT 2", 29, "LIMIT"),
        ("SELECT Id FROM Lead ORDER Id", 27, "Id"),
        ("SELECT Id FROM Lead ORDER BY Id NULLS", 38, "<EOF>"),
        ("SELECT Id FROM Lead;", 20, ";"),
        ("SELECT COUNT(Id FROM Lead", 17, "FROM"),
        ("SELECT NOPE(Id) FROM Lead", 8, "NOPE"),
        ("UPDATE Lead", 1, "UPDATE"),
        ("", 1, "<EOF>"),
        ("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS:-1", 53, "-1"),
        ("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS:1.5", 53, "1.5"),
        ("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS", 41, "LAST_N_DAYS"),
        ("SELECT Id FROM Lead WHERE CreatedDate = TODAY:3", 41, "TODAY:3"),
    ];
    for (soql, column, token) in cases {
        let error = asker.error(soql);
        assert_eq!(error.code, "MALFORMED_QUERY", "{soql}: {}", error.message);
        let want = format!("ERROR at Row:1:Column:{column}\nunexpected token: '{token}'");
        assert!(error.message.ends_with(&want), "{soql}: {}", error.message);
    }
}

#[test]
fn queries_that_make_no_sense() {
    let asker = Asker::new();
    let long = format!("SELECT Id FROM Lead WHERE LastName = '{}'", "x".repeat(4_001));
    let huge = format!("SELECT Id FROM Lead WHERE LastName = '{}'", "x".repeat(100_000));
    let deep = format!("SELECT Id FROM Lead WHERE {}LastName = 'a'{}", "(".repeat(101), ")".repeat(101));
    let cases = [
        ("SELECT Owner.Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Name'"),
        ("SELECT Account.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Account' in field path"),
        ("SELECT Id, (SELECT Id FROM Kids) FROM Lead", "INVALID_TYPE", "Didn't understand relationship 'Kids' in FROM part"),
        ("SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account", "INVALID_FIELD", "at most 5 relationships"),
        ("SELECT Id FROM Account ORDER BY Parent.Parent.Parent.Parent.Parent.Parent.Name", "INVALID_FIELD", "at most 5 relationships"),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id x FROM Lead", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
        ("SELECT x.Id FROM Lead l", "INVALID_FIELD", "Didn't understand relationship 'x' in field path"),
        ("SELECT c.Id FROM Contact c, c.Nope n", "INVALID_FIELD", "Didn't understand relationship 'Nope' in field path"),
        ("SELECT Id, (SELECT Id FROM x.Contacts) FROM Account a", "INVALID_TYPE", "Didn't understand relationship 'x.Contacts' in FROM part"),
        ("SELECT Id FROM Account.Contacts", "INVALID_TYPE", "sObject type 'Account.Contacts' is not supported"),
        ("SELECT Id FROM Lead WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "value of filter criterion for field 'SystemModstamp' must be of type dateTime and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Lead WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Lead WHERE LastName = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Lead WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "must be of type int and should not be enclosed in quotes"),
        ("SELECT Id FROM Lead WHERE DoNotCall > false", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean field"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered in a query call"),
        ("SELECT Id FROM Lead ORDER BY Description", "MALFORMED_QUERY", "field 'Description' can not be sorted in a query call"),
        ("SELECT Description FROM Lead GROUP BY Description", "MALFORMED_QUERY", "field 'Description' can not be grouped in a query call"),
        ("SELECT LastName, COUNT(Id) FROM Lead", "MALFORMED_QUERY", "Field must be grouped or aggregated: LastName"),
        ("SELECT COUNT(Description) FROM Lead", "MALFORMED_QUERY", "field Description does not support aggregate operator COUNT"),
        ("SELECT COUNT(IsConverted) FROM Lead", "MALFORMED_QUERY", "field IsConverted does not support aggregate operator COUNT"),
        ("SELECT SUM(LastName) FROM Lead", "MALFORMED_QUERY", "field LastName does not support aggregate operator SUM"),
        ("SELECT COUNT(), Id FROM Lead", "MALFORMED_QUERY", "COUNT() must be the only element"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(ALL) FROM Lead LIMIT 201", "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id FROM Lead WHERE LastName = 'a", "MALFORMED_QUERY", "mismatched character '<EOF>' expecting '''"),
        ("SELECT Id FROM Lead WHERE Id IN (SELECT LastName FROM Contact)", "MALFORMED_QUERY", "must select one ID or reference field"),
        ("SELECT Id FROM Lead WHERE LastName IN (SELECT Id FROM Contact)", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on string field"),
        ("SELECT Id FROM Lead WHERE LastName INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on string field"),
        (&long, "MALFORMED_QUERY", "string literals cannot be longer than 4000 characters"),
        (&huge, "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."),
        (&deep, "MALFORMED_QUERY", "unexpected token: '('"),
    ];
    for (soql, code, text) in cases {
        let error = asker.error(soql);
        assert_eq!(error.code, code, "{soql}: {}", error.message);
        assert!(error.message.contains(text), "{soql}: {}", error.message);
        assert_eq!(error.fields, None);
    }
}

#[test]
fn what_is_not_simulated_says_so() {
    let asker = Asker::new();
    for soql in [
        "SELECT FORMAT(AnnualRevenue) FROM Lead",
        "SELECT FORMAT(MIN(CreatedDate)) first FROM Lead",
        "SELECT Id, convertCurrency(AnnualRevenue) FROM Lead",
        "SELECT Id FROM Lead WHERE AnnualRevenue > USD5000",
        "SELECT Id FROM Lead USING SCOPE team",
        "SELECT LeadSource, COUNT(Id) FROM Lead GROUP BY ROLLUP(LeadSource)",
        "SELECT LeadSource, Rating, COUNT(Id) FROM Lead GROUP BY CUBE(LeadSource, Rating)",
        "SELECT Status, GROUPING(LeadSource), COUNT(Id) FROM Lead GROUP BY Status",
        "SELECT Id FROM Lead WHERE DISTANCE(Address, GEOLOCATION(48.85, 2.35), 'km') < 20",
        "SELECT Id FROM Lead ORDER BY DISTANCE(Address, GEOLOCATION(48.85, 2.35), 'km')",
        "SELECT Title FROM Lead WITH DATA CATEGORY Geography__c AT france__c",
        "SELECT Id FROM Lead WITH RecordVisibilityContext (maxDescriptorPerRecord=100)",
        "SELECT Id FROM Lead UPDATE TRACKING",
        "SELECT Id FROM Lead UPDATE VIEWSTAT",
        "SELECT Id FROM Case",
        "SELECT Id FROM LeadShare",
        "SELECT Id FROM Lead WHERE Id IN (SELECT ParentId FROM Attachment)",
        "SELECT Id, (SELECT Id FROM Cases) FROM Account",
        "SELECT Id, (SELECT Id FROM Histories) FROM Account",
        "SELECT DandbCompany.Name FROM Lead",
        "SELECT TYPEOF What WHEN Case THEN Id END FROM Task",
    ] {
        let error = asker.error(soql);
        assert_eq!((error.status, error.code.as_str()), (501, "NOT_IMPLEMENTED"), "{soql}");
    }
}

#[test]
fn joins_stand_at_the_top_of_a_condition_and_lead_to_other_objects() {
    let asker = Asker::new();
    let members = "Id IN (SELECT LeadId FROM CampaignMember)";
    for (condition, text) in [
        (format!("{members} OR LastName = 'a'"), "Semi join sub-selects are not allowed with the 'OR' operator"),
        (format!("LastName = 'a' AND (Title = 'b' OR {members})"), "Semi join sub-selects are not allowed with the 'OR' operator"),
        (format!("NOT {members}"), "Semi join sub-selects are only allowed at the top level WHERE expressions"),
        ("Id IN (SELECT Id FROM Lead)".to_owned(), "The inner and outer selects should not be on the same object type"),
        ("Id IN (SELECT LeadId FROM CampaignMember LIMIT 1)".to_owned(), "Semi join sub-selects can't have ORDER BY, LIMIT or OFFSET"),
        (format!("{members} AND {members} AND {members}"), "Maximum 2 semi join sub-selects are allowed."),
    ] {
        let error = asker.error(&format!("SELECT Id FROM Lead WHERE {condition}"));
        assert_eq!(error.code, "MALFORMED_QUERY", "{condition}");
        assert!(error.message.contains(text), "{condition}: {}", error.message);
    }
    asker.ask(&format!("SELECT Id FROM Lead WHERE {members} AND Id NOT IN (SELECT WhoId FROM Task) AND (Title = 'a' OR Title = null)"));
}

/// The place is the one of the recorded answer: the character before the text.
#[test]
fn escapes_that_there_are_not() {
    let asker = Asker::new();
    for (soql, column, literal, sequence) in [
        (r"SELECT Id FROM Lead WHERE FirstName = 'Anne\-Marie'", 38, r"'Anne\-Marie'", r"\-"),
        (r"SELECT Id FROM Lead WHERE LastName LIKE 'a\d%'", 40, r"'a\d%'", r"\d"),
        (r"SELECT Id FROM Lead WHERE LastName IN ('a', '\u12')", 44, r"'\u12'", r"\u12"),
    ] {
        let error = asker.error(soql);
        let want =
            format!("ERROR at Row:1:Column:{column}\nInvalid string literal {literal}. Illegal character sequence '{sequence}' in string literal.");
        assert_eq!(error.code, "MALFORMED_QUERY", "{soql}");
        assert!(error.message.ends_with(&want), "{soql}: {}", error.message);
    }
}

#[test]
fn hidden_fields_do_not_exist() {
    let mut asker = Asker::new();
    for soql in ["SELECT Phone FROM Lead", "SELECT Id FROM Lead WHERE Phone = '1'", "SELECT Id FROM Lead ORDER BY Phone"] {
        asker.ask(soql);
    }
    asker
        .org
        .set_field_access(&FieldRule { sobject: "Lead".to_owned(), field: "Phone".to_owned(), who: Who::Everyone, access: FieldAccess::Hidden })
        .unwrap();
    for soql in ["SELECT Phone FROM Lead", "SELECT Id FROM Lead WHERE Phone = '1'", "SELECT Id FROM Lead ORDER BY Phone"] {
        assert!(asker.error(soql).message.contains("No such column 'Phone' on entity 'Lead'"), "{soql}");
    }
    let all = asker.ask("SELECT FIELDS(ALL) FROM Lead LIMIT 1");
    assert_eq!(all.records[0].get("Phone"), None);
}
