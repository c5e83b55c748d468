//! A Ceph cluster as its commands show it: the state, and the answer to each command in the tools pod.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::kubernetes::ExecAnswer;

/// The id of the cluster.
pub(crate) const FSID: &str = "6f1c2a34-0c5b-4e58-9d4f-2b7a90c1e8d3";
/// The version, as Ceph writes it.
pub(crate) const VERSION: &str =
    "ceph version 19.2.3 (c92aebb279828e9c3c1f5d24613efca272649e62) squid (stable)";
const OSDS: usize = 6;
const PGS: u64 = 169;
const OBJECTS: u64 = 131_240;
const USED: u64 = 1_649_267_441_664;
const TOTAL: u64 = 4_947_802_324_992;

/// A daemon that crashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The daemon, such as `osd.3`.
    pub entity: String,
    /// The node that it ran on.
    pub host: String,
    /// When.
    pub at: Timestamp,
    /// When somebody took note of it.
    pub archived: Option<Timestamp>,
}

impl Crash {
    /// A crash that nobody has taken note of yet.
    #[must_use]
    pub fn new(entity: &str, host: &str, at: Timestamp) -> Self {
        Self { entity: entity.into(), host: host.into(), at, archived: None }
    }

    /// The id that Ceph gives it.
    #[must_use]
    pub fn id(&self) -> String {
        let number = super::draw(7, &[&self.entity, &self.at.to_string()]);
        let time = self.time();
        format!(
            "{time}_{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            number & 0xffff_ffff,
            (number >> 8) & 0xffff,
            (number >> 16) & 0xfff,
            (number >> 24) & 0xfff,
            number & 0xffff_ffff_ffff
        )
    }

    fn time(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }

    fn summary(&self) -> Value {
        let mut summary = json!({
            "crash_id": self.id(), "entity_name": self.entity, "timestamp": self.time(),
            "utsname_hostname": self.host, "ceph_version": "19.2.3", "process_name": "ceph-osd",
            "backtrace": ["/lib64/libc.so.6(+0x3fc30) [0x7f4f3c43fc30]", "abort()"],
            "os_name": "CentOS Stream", "os_version": "9", "utsname_machine": "x86_64",
        });
        if let Some(archived) = self.archived {
            // Ceph writes this one without a zone.
            summary["archived"] = json!(archived.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string());
        }
        summary
    }
}

/// A health check of Ceph that is not well.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) severity: &'static str,
    pub(crate) message: String,
    pub(crate) details: Vec<String>,
}

/// The state of the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ceph {
    pub(crate) crashes: Vec<Crash>,
    /// How many of the crashes the monitors still warn of: they look from time to time.
    pub(crate) warned: Vec<Crash>,
    /// Further checks that are not well.
    pub(crate) checks: Vec<Check>,
    /// The nodes that hold an OSD each.
    pub(crate) hosts: Vec<String>,
}

impl Ceph {
    /// The monitors look at the crashes.
    pub(crate) fn look(&mut self) {
        self.warned = self.crashes.iter().filter(|crash| crash.archived.is_none()).cloned().collect();
    }

    pub(crate) fn all_checks(&self) -> Vec<Check> {
        let mut checks = self.checks.clone();
        if !self.warned.is_empty() {
            checks.push(Check {
                name: "RECENT_CRASH".into(),
                severity: "HEALTH_WARN",
                message: format!("{} daemons have recently crashed", self.warned.len()),
                details: self
                    .warned
                    .iter()
                    .map(|crash| format!("{} crashed on host {} at {}", crash.entity, crash.host, crash.at))
                    .collect(),
            });
        }
        checks
    }

    pub(crate) fn health(&self) -> &'static str {
        let checks = self.all_checks();
        if checks.iter().any(|check| check.severity == "HEALTH_ERR") {
            "HEALTH_ERR"
        } else if checks.is_empty() {
            "HEALTH_OK"
        } else {
            "HEALTH_WARN"
        }
    }

    /// Bytes used and in all.
    pub(crate) fn capacity() -> (u64, u64) {
        (USED, TOTAL)
    }

    /// What the tools pod prints.
    pub(crate) fn answer(&mut self, command: &[String]) -> ExecAnswer {
        let (words, json) = split_format(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let print = |text: String, value: Value| {
            if json { ExecAnswer::ok(format!("\n{value}\n")) } else { ExecAnswer::ok(text) }
        };
        match words.as_slice() {
            ["ceph", "health"] => print(self.health_text(false), self.health_json(false)),
            ["ceph", "health", "detail"] => print(self.health_text(true), self.health_json(true)),
            ["ceph"] | ["ceph", "status" | "-s"] => print(self.status_text(), self.status_json()),
            ["ceph", "df"] => print(df_text(), df_json()),
            ["ceph", "osd", "stat"] => print(
                format!("{OSDS} osds: {OSDS} up (since 9d), {OSDS} in (since 5w); epoch: e4127\n"),
                json!({"epoch": 4127, "num_osds": OSDS, "num_up_osds": OSDS, "osd_up_since": 0,
                    "num_in_osds": OSDS, "osd_in_since": 0, "num_remapped_pgs": 0}),
            ),
            ["ceph", "pg", "stat"] => print(
                format!(
                    "{PGS} pgs: {PGS} active+clean; 512 GiB data, 1.5 TiB used, 3.0 TiB / 4.5 TiB avail\n"
                ),
                json!({"pg_ready": true, "pg_summary": {
                    "num_pg_by_state": [{"name": "active+clean", "num": PGS}], "num_pgs": PGS,
                    "num_bytes": 549_755_813_888_u64, "total_bytes": TOTAL, "total_avail_bytes": TOTAL - USED,
                    "total_used_bytes": USED}}),
            ),
            ["ceph", "osd", "tree"] => print(self.tree_text(), self.tree_json()),
            ["ceph", "versions"] => ExecAnswer::ok(format!(
                "{:#}\n",
                json!({"mon": {VERSION: 3}, "mgr": {VERSION: 2}, "osd": {VERSION: OSDS}, "mds": {VERSION: 2},
                    "overall": {VERSION: OSDS + 7}})
            )),
            ["ceph", "version"] => print(format!("{VERSION}\n"), json!({"version": VERSION})),
            ["ceph", "crash", "ls" | "ls-new"] => {
                let new_only = words[2] == "ls-new";
                let shown: Vec<&Crash> =
                    self.crashes.iter().filter(|crash| !(new_only && crash.archived.is_some())).collect();
                let summaries: Vec<Value> = shown.iter().map(|crash| crash.summary()).collect();
                print(crash_table(&shown), json!(summaries))
            }
            ["ceph", "crash", "info", id] => match self.crashes.iter().find(|crash| crash.id() == *id) {
                Some(crash) => ExecAnswer::ok(format!("{:#}\n", crash.summary())),
                None => invalid(&format!("crash info: {id} not found")),
            },
            ["ceph", "crash", "archive", id] => {
                match self.crashes.iter_mut().find(|crash| crash.id() == *id) {
                    Some(crash) => {
                        crash.archived.get_or_insert_with(Timestamp::now);
                        ExecAnswer::default()
                    }
                    None => invalid(&format!("crash archive: {id} not found")),
                }
            }
            ["ceph", "crash", "archive-all"] => {
                for crash in &mut self.crashes {
                    crash.archived.get_or_insert_with(Timestamp::now);
                }
                ExecAnswer::default()
            }
            _ => invalid("no valid command found"),
        }
    }

    fn health_text(&self, detail: bool) -> String {
        let checks = self.all_checks();
        let messages: Vec<&str> = checks.iter().map(|check| check.message.as_str()).collect();
        let mut text = format!("{} {}", self.health(), messages.join("; ")).trim_end().to_owned();
        text.push('\n');
        if detail {
            for check in &checks {
                let mark = if check.severity == "HEALTH_ERR" { "ERR" } else { "WRN" };
                let _ = writeln!(text, "[{mark}] {}: {}", check.name, check.message);
                for line in &check.details {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        text
    }

    fn health_json(&self, detail: bool) -> Value {
        let mut checks = json!({});
        for check in self.all_checks() {
            let count = check.details.len();
            checks[&check.name] = json!({"severity": check.severity,
                "summary": {"message": check.message, "count": count}, "muted": false});
            if detail {
                let lines: Vec<Value> = check.details.iter().map(|line| json!({"message": line})).collect();
                checks[&check.name]["detail"] = json!(lines);
            }
        }
        json!({"status": self.health(), "checks": checks, "mutes": []})
    }

    fn status_text(&self) -> String {
        let checks = self.all_checks();
        let mut health = format!("    health: {}\n", self.health());
        for check in &checks {
            let _ = writeln!(health, "            {}", check.message);
        }
        format!(
            "  cluster:\n    id:     {FSID}\n{health} \n  services:\n    mon: 3 daemons, quorum a,b,c (age 9d)\n    \
             mgr: a(active, since 9d), standbys: b\n    mds: 1/1 daemons up, 1 standby\n    osd: {OSDS} osds: \
             {OSDS} up (since 9d), {OSDS} in (since 5w)\n \n  data:\n    volumes: 1/1 healthy\n    pools:   4 pools, \
             {PGS} pgs\n    objects: 131.24k objects, 512 GiB\n    usage:   1.5 TiB used, 3.0 TiB / 4.5 TiB avail\n    \
             pgs:     {PGS} active+clean\n \n  io:\n    client:   5.1 KiB/s rd, 283 KiB/s wr, 4 op/s rd, 11 op/s wr\n \n"
        )
    }

    fn status_json(&self) -> Value {
        json!({
            "fsid": FSID, "health": self.health_json(false), "election_epoch": 58, "quorum": [0, 1, 2],
            "quorum_names": ["a", "b", "c"], "quorum_age": 777_600,
            "monmap": {"epoch": 3, "min_mon_release_name": "squid", "num_mons": 3},
            "osdmap": {"epoch": 4127, "num_osds": OSDS, "num_up_osds": OSDS, "osd_up_since": 0,
                "num_in_osds": OSDS, "osd_in_since": 0, "num_remapped_pgs": 0},
            "pgmap": {"pgs_by_state": [{"state_name": "active+clean", "count": PGS}], "num_pgs": PGS, "num_pools": 4,
                "num_objects": OBJECTS, "data_bytes": 549_755_813_888_u64, "bytes_used": USED,
                "bytes_avail": TOTAL - USED, "bytes_total": TOTAL},
            "fsmap": {"epoch": 9, "up": 1, "in": 1, "max": 1, "up:standby": 1},
            "mgrmap": {"available": true, "num_standbys": 1, "modules": ["iostat", "nfs", "prometheus", "rook"]},
            "servicemap": {"epoch": 1, "services": {}}, "progress_events": {},
        })
    }

    fn osd_hosts(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..OSDS).map(|osd| (osd, self.hosts.get(osd).map_or("", String::as_str)))
    }

    fn tree_text(&self) -> String {
        let mut text = String::from(
            "ID   CLASS  WEIGHT   TYPE NAME         STATUS  REWEIGHT  PRI-AFF\n -1         4.50000  root default\n",
        );
        for (osd, host) in self.osd_hosts() {
            let _ = writeln!(text, "{:>3}         0.75000      host {host}", host_id(osd));
            let _ =
                writeln!(text, "{osd:>3}    ssd  0.75000          osd.{osd}          up   1.00000  1.00000");
        }
        text
    }

    fn tree_json(&self) -> Value {
        let children: Vec<i64> = (0..OSDS).map(host_id).collect();
        let mut nodes =
            vec![json!({"id": -1, "name": "default", "type": "root", "type_id": 11, "children": children})];
        for (osd, host) in self.osd_hosts() {
            nodes.push(
                json!({"id": host_id(osd), "name": host, "type": "host", "type_id": 1, "children": [osd]}),
            );
            nodes.push(json!({"id": osd, "device_class": "ssd", "name": format!("osd.{osd}"), "type": "osd",
                "type_id": 0, "crush_weight": 0.75, "depth": 2, "exists": 1, "status": "up", "reweight": 1.0,
                "primary_affinity": 1.0}));
        }
        json!({"nodes": nodes, "stray": []})
    }
}

/// The id of the host that holds an OSD.
fn host_id(osd: usize) -> i64 {
    -3 - 2 * i64::try_from(osd).unwrap_or(0)
}

/// Splits `--format json`, in all its spellings, from the words.
fn split_format(command: &[String]) -> (Vec<String>, bool) {
    let mut words = Vec::new();
    let mut json = false;
    let mut rest = command.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--format" | "-f" => json |= rest.next().is_some_and(|format| format.starts_with("json")),
            other => match other.strip_prefix("--format=") {
                Some(format) => json |= format.starts_with("json"),
                None => words.push(word.clone()),
            },
        }
    }
    (words, json)
}

fn invalid(why: &str) -> ExecAnswer {
    ExecAnswer::failed(22, format!("{why}\nError EINVAL: invalid command\n"))
}

fn crash_table(crashes: &[&Crash]) -> String {
    if crashes.is_empty() {
        return String::new();
    }
    let mut text = format!("{:<64}  {:<8}  NEW\n", "ID", "ENTITY");
    for crash in crashes {
        let new = if crash.archived.is_some() { "" } else { " *" };
        text.push_str(format!("{:<64}  {:<8} {new}", crash.id(), crash.entity).trim_end());
        text.push('\n');
    }
    text
}

fn df_text() -> String {
    "--- RAW STORAGE ---\nCLASS     SIZE    AVAIL     USED  RAW USED  %RAW USED\nssd    4.5 TiB  3.0 TiB  1.5 TiB   \
     1.5 TiB      33.33\nTOTAL  4.5 TiB  3.0 TiB  1.5 TiB   1.5 TiB      33.33\n \n--- POOLS ---\nPOOL        ID  PGS   \
     STORED  OBJECTS     USED  %USED  MAX AVAIL\n.mgr         1    1   12 MiB        4   36 MiB      0    651 GiB\n\
     ceph-block   2  128  398 GiB  104.2k  1.1 TiB  37.50    651 GiB\n"
        .to_owned()
}

fn df_json() -> Value {
    let pool = |name: &str, id: u64, stored: u64, objects: u64| {
        json!({"name": name, "id": id, "stats": {"stored": stored, "objects": objects, "bytes_used": stored * 3,
            "percent_used": 0.375, "max_avail": 699_005_927_424_u64}})
    };
    json!({
        "stats": {"total_bytes": TOTAL, "total_avail_bytes": TOTAL - USED, "total_used_bytes": USED,
            "total_used_raw_bytes": USED, "total_used_raw_ratio": 0.3333, "num_osds": OSDS},
        "stats_by_class": {"ssd": {"total_bytes": TOTAL, "total_avail_bytes": TOTAL - USED,
            "total_used_bytes": USED, "total_used_raw_bytes": USED, "total_used_raw_ratio": 0.3333}},
        "pools": [pool(".mgr", 1, 12_582_912, 4), pool("ceph-block", 2, 427_349_245_952, 104_200)],
    })
}

impl Default for Crash {
    fn default() -> Self {
        Self::new("osd.3", "node-06", Timestamp::now() - SignedDuration::from_hours(9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(ceph: &mut Ceph, command: &str) -> ExecAnswer {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        ceph.answer(&words)
    }

    #[test]
    fn archiving_a_crash_clears_the_warning_when_the_monitors_look_again() {
        let mut ceph = Ceph { crashes: vec![Crash::default()], ..Ceph::default() };
        ceph.look();
        assert!(ask(&mut ceph, "ceph health detail").stdout.contains("RECENT_CRASH"));
        let listed: Value = serde_json::from_str(&ask(&mut ceph, "ceph crash ls-new --format json").stdout)
            .expect("the answer is JSON");
        let id = listed[0]["crash_id"].as_str().expect("a crash has an id").to_owned();
        assert!(ask(&mut ceph, &format!("ceph crash info {id}")).stdout.contains("osd.3"));
        assert_eq!(ask(&mut ceph, &format!("ceph crash archive {id}")), ExecAnswer::default());
        assert_eq!(ask(&mut ceph, "ceph crash ls-new").stdout, "");
        assert_eq!(ceph.health(), "HEALTH_WARN");
        ceph.look();
        assert_eq!(ask(&mut ceph, "ceph health").stdout, "HEALTH_OK\n");
    }

    #[test]
    fn what_is_no_command_fails_as_ceph_does() {
        let mut ceph = Ceph::default();
        assert_eq!(ask(&mut ceph, "ceph osd purge 3").exit_code, 22);
        assert_eq!(ask(&mut ceph, "ceph crash info nothing").exit_code, 22);
    }

    #[test]
    fn every_answer_reads_as_json_when_asked() {
        let mut ceph = Ceph::default();
        for command in [
            "status",
            "health",
            "health detail",
            "df",
            "osd stat",
            "pg stat",
            "osd tree",
            "crash ls",
            "version",
        ] {
            let answer = ask(&mut ceph, &format!("ceph {command} --format=json"));
            assert!(serde_json::from_str::<Value>(&answer.stdout).is_ok(), "{command}: {}", answer.stdout);
        }
    }
}
