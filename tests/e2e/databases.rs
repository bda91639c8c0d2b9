//! Databases on a real host: PostgreSQL and MariaDB as Debian has them, foretold, made, and found in order.

use crate::lab::Lab;
use crate::ops::Ops;

const INSTALL: &str = "\
- apt: {name: [postgresql, mariadb-server], update_cache: true, install_recommends: false}
";

const POSTGRESQL: &str = r#"
- become_user: postgres
  block:
    - postgresql_user: {name: shop, password: "it's $ecret", role_attr_flags: "CREATEDB,NOSUPERUSER", conn_limit: 5}
    - postgresql_user: {name: 'we"ird $(id)', role_attr_flags: NOLOGIN}
    - postgresql_db: {name: shop, owner: shop, encoding: UTF8, lc_collate: C, lc_ctype: C, template: template0}
    - postgresql_ext: {name: pg_trgm, db: shop}
    - postgresql_user: {name: reports}
    - postgresql_privs: {database: shop, roles: reports, objs: ALL_IN_SCHEMA, privs: SELECT}
    - postgresql_privs: {database: shop, roles: "reports,shop", type: database, privs: "CONNECT,TEMP"}
    - postgresql_privs: {database: shop, roles: reports, type: schema, objs: public, privs: ALL}
    - postgresql_privs: {database: shop, roles: reports, type: group, objs: shop}
    - postgresql_privs: {database: shop, roles: reports, type: default_privs, objs: "TABLES,SEQUENCES", privs: SELECT, target_roles: shop}
    - postgresql_privs: {database: shop, roles: PUBLIC, type: database, privs: ALL, state: absent}
"#;

const MYSQL: &str = r#"
- mysql_db: {name: [shop, "o`dd"], encoding: utf8mb4, collation: utf8mb4_bin}
- mysql_user: {name: shop, password: "it's $ecr\"et\\", priv: "shop.*:ALL/o`dd.*:SELECT", host: "localhost"}
- mysql_user: {name: reports, password: x, priv: {"shop.*": "SELECT,SHOW VIEW", "*.*": "PROCESS,GRANT"}, check_implicit_admin: true}
- mysql_user: {name: gone, state: absent, host_all: true}
"#;

const DUMPS: &str = r#"
- become_user: postgres
  block:
    - postgresql_db: {name: shop, state: dump, target: /tmp/e2e-shop.sql.gz}
    - postgresql_db: {name: other, template: template0}
    - postgresql_db: {name: other, state: restore, target: /tmp/e2e-shop.sql.gz}
    - postgresql_db: {name: other, state: absent, force: true}
- mysql_db: {name: shop, state: dump, target: /tmp/e2e-shop.my.gz, single_transaction: true}
- mysql_db: {name: other}
- mysql_db: {name: other, state: import, target: /tmp/e2e-shop.my.gz}
- mysql_db: {name: other, state: absent}
"#;

/// What looks, and what changes something without a state of its own.
const QUERIES: &str = r#"
- become_user: postgres
  block:
    - postgresql_query: {login_db: shop, query: "CREATE TABLE e2e (a int, b text)"}
    - postgresql_query: {login_db: shop, query: "INSERT INTO e2e VALUES (%s, %s)", positional_args: [1, "it's"]}
    - postgresql_query: {login_db: shop, query: "SELECT * FROM e2e WHERE b = %(b)s", named_args: {b: "it's"}}
      register: rows
- mysql_query: {login_db: shop, query: ["CREATE TABLE e2e (a int, b text)", "INSERT INTO e2e VALUES (7, NULL), (8, 'x < y')"]}
- mysql_query: {login_db: shop, query: SELECT * FROM e2e ORDER BY a}
  register: mine
- mysql_variables: {variable: max_connections, value: 77}
- mysql_variables: {variable: max_connections, value: "77"}
  register: again
- mysql_info: {filter: [version, databases]}
  register: server
- assert:
    that:
      - server.version.full is version('10', '>=') and server.databases.shop.size > 0 and 'settings' not in server
      - rows.query_result | length == 1 and rows.query_result[0].a == 1
      - rows.query_result[0].b == "it's"
      - mine.query_result[0] | map(attribute='a') == [7, 8]
      - mine.query_result[0][0].b is none and mine.query_result[0][1].b == 'x < y'
      - again is not changed
"#;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn databases_roles_and_privileges_are_made_once_and_found_in_order() {
    let lab = Lab::open();
    let Some(host) = lab.host_of("mirror") else { return };
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let run = |file: &str, more: &str| {
        ops.types("alice", &format!("run {file} -i ops --become {more}")).within(400).says()
    };
    let install = ops.play("install", "", INSTALL);
    run(&install, "").expect(0, &["changed=1"]);
    lab.exec(&host, "systemctl start postgresql mariadb");
    for (name, tasks) in [("postgresql", POSTGRESQL), ("mysql", MYSQL)] {
        let file = ops.play(name, "", tasks);
        run(&file, "--check").expect(0, &["would change", "shop"]).without(&["$ecr"]);
        run(&file, "").expect(0, &[&format!("changed: [{}", host.name()), "failed=0"]);
        run(&file, "").expect(0, &["changed=0", "nothing changed"]);
    }
    let queries = ops.play("queries", "", QUERIES);
    run(&queries, "").expect(0, &["changed=4", "failed=0"]);
    let dumps = ops.play("dumps", "", DUMPS);
    run(&dumps, "").expect(0, &["changed=8", "failed=0"]);
    let login = "PGPASSWORD=\"it's \\$ecret\" psql -h localhost -U shop -d shop -Atc 'SELECT 1'";
    assert_eq!(lab.exec(&host, login), "1");
    assert_eq!(lab.exec(&host, "mysql -u shop '-pit'\\''s $ecr\"et\\' -N -e 'SELECT 1' shop"), "1");
    assert!(
        !lab.holds(&host, "ls /tmp | grep -vE '^(e2e-|systemd-|\\.)' | grep ."),
        "something is left in /tmp"
    );
}
