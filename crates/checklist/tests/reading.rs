//! Reading: what is a task and what belongs to it.

use checklist::Document;

#[test]
fn a_task_has_its_label_details_and_references() {
    let text = "# T\n\n## Tasks\n- [ ] **A1 P0 Apps**: merge #5 `x #6`\n  - **Goal**: g\n  - **Commands**:\n    ```bash\n    # c\n    kubectl get\n    ```\n";
    let document = Document::parse(text).unwrap();
    let [item] = document.items() else { panic!("one task") };
    assert_eq!((item.line, item.ticked, item.label.as_deref()), (4, false, Some("A1 P0 Apps")));
    assert_eq!(&text[item.first_line.clone()], "**A1 P0 Apps**: merge #5 `x #6`");
    assert_eq!(item.headings, [0, 1]);
    assert_eq!(item.details[1].label.as_deref(), Some("Commands"));
    assert_eq!(item.details[1].code_blocks, ["# c\nkubectl get\n"]);
    assert_eq!(
        item.references.iter().map(|one| (one.number, one.in_code)).collect::<Vec<_>>(),
        [(5, false), (6, true)]
    );
}
