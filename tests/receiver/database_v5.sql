BEGIN TRANSACTION;
CREATE TABLE attempt (channel TEXT, at REAL);
INSERT INTO "attempt" VALUES('wecom',1767578465.0);
INSERT INTO "attempt" VALUES('mail',1767578465.0);
CREATE TABLE channel (
        name TEXT PRIMARY KEY, fingerprint TEXT, bad_since REAL, failing_since REAL,
        failures INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '', quiet_until REAL, last_ok REAL);
INSERT INTO "channel" VALUES('wecom','14c03bda8b9d2728',NULL,NULL,0,'',NULL,1767578465.0);
INSERT INTO "channel" VALUES('mail','551ac749c2308c26',NULL,NULL,0,'',NULL,1767578465.0);
CREATE TABLE closed_day (day TEXT PRIMARY KEY);
CREATE TABLE deal (machine TEXT, day TEXT, key TEXT, data TEXT, received REAL, PRIMARY KEY (machine, day, key));
INSERT INTO "deal" VALUES('mini-pc','20260105','7|8','{"\u65e5\u671f":"20260105","\u8ba2\u5355\u7f16\u53f7":"7","\u5408\u540c\u7f16\u53f7":"8","\u4ee3\u7801":"510300.SH","\u4e70\u5356":"\u4e70\u5165","\u6210\u4ea4\u989d":400.0}',1767578400.0);
CREATE TABLE event (
        machine TEXT, id TEXT, kind TEXT, run TEXT, seq INTEGER, at REAL, happened REAL, received REAL, data TEXT,
        PRIMARY KEY (machine, id));
INSERT INTO "event" VALUES('mini-pc','8053158a-18de-4b12-9007-53c1d09607b0','host.heartbeat','run-1',1,1767578400.0,1767578400.0,1767578400.0,'{"cpu":5.0}');
INSERT INTO "event" VALUES('mini-pc','ba5606ea-ce8b-4540-9a7a-3166b58214f3','qmt.process','run-1',1,1767578400.0,1767578400.0,1767578400.0,'{"state":"running","name":"XtItClient.exe","change":false}');
INSERT INTO "event" VALUES('mini-pc','07fa9d7f-304c-4f26-b15b-e9463f238cb7','qmt.heartbeat','run-1',1,1767578400.0,1767578400.0,1767578400.0,'{"strategy":"heartbeat","logged_in":true,"tick_at":1767578400.0,"accounts":[{"\u8d26\u53f7":"1234","\u603b\u8d44\u4ea7":100000.0,"\u53ef\u7528\u91d1\u989d":40000.0,"\u603b\u5e02\u503c":60000.0,"\u603b\u76c8\u4e8f":1200.0}],"positions":[{"\u4ee3\u7801":"510300.SH","\u80a1\u6570":100}],"deals":[{"\u65e5\u671f":"20260105","\u8ba2\u5355\u7f16\u53f7":"7","\u5408\u540c\u7f16\u53f7":"8","\u4ee3\u7801":"510300.SH","\u4e70\u5356":"\u4e70\u5165","\u6210\u4ea4\u989d":400.0}]}');
INSERT INTO "event" VALUES('mini-pc','e9753ad3-f955-4980-9eed-0b435b881046','host.heartbeat','run-1',1,1767578430.0,1767578430.0,1767578430.0,'{"cpu":5.0}');
INSERT INTO "event" VALUES('mini-pc','e115a158-aafd-4aaa-90a2-572e54c586ba','qmt.process','run-1',1,1767578430.0,1767578430.0,1767578430.0,'{"state":"running","name":"XtItClient.exe","change":false}');
INSERT INTO "event" VALUES('mini-pc','dce67483-b80c-454e-aecb-972ce2583974','qmt.heartbeat','run-1',1,1767578430.0,1767578430.0,1767578430.0,'{"strategy":"heartbeat","logged_in":true,"tick_at":1767578430.0,"accounts":[{"\u8d26\u53f7":"1234","\u603b\u8d44\u4ea7":100000.0,"\u53ef\u7528\u91d1\u989d":40000.0,"\u603b\u5e02\u503c":60000.0,"\u603b\u76c8\u4e8f":1200.0}],"positions":[{"\u4ee3\u7801":"510300.SH","\u80a1\u6570":100}],"deals":[{"\u65e5\u671f":"20260105","\u8ba2\u5355\u7f16\u53f7":"7","\u5408\u540c\u7f16\u53f7":"8","\u4ee3\u7801":"510300.SH","\u4e70\u5356":"\u4e70\u5165","\u6210\u4ea4\u989d":400.0}]}');
INSERT INTO "event" VALUES('mini-pc','30c0a2ea-fc71-4370-9b4d-5435c5c0287c','order.state','run-1',1,1767578460.0,1767578460.0,1767578460.0,'{"flag":"20260105-510300-B-01","line":1,"state":"intent","code":"510300.SH","side":"B","yuan":1000.0,"shares":200}');
INSERT INTO "event" VALUES('mini-pc','326a2747-b5c3-489f-90d5-46e34878be82','order.state','run-1',1,1767578460.0,1767578460.0,1767578460.0,'{"flag":"20260105-510300-B-02","line":1,"state":"unknown","code":"510300.SH","reason":"not found"}');
INSERT INTO "event" VALUES('mini-pc','7f15cfb8-6a27-429f-8a9b-d53d406dd838','file','run-1',1,1767578460.0,1767578460.0,1767578460.0,'{"name":"transaction.csv","content":"a,b","source":"etf_grid"}');
INSERT INTO "event" VALUES('mini-pc','0eb4bcf8-bd1d-4842-9dd6-41779933a2df','host.heartbeat','run-1',1,1767578460.0,1767578460.0,1767578460.0,'{"cpu":5.0}');
INSERT INTO "event" VALUES('mini-pc','01325b63-c6ff-44b0-a20b-ae67cd92d319','qmt.process','run-1',1,1767578460.0,1767578460.0,1767578460.0,'{"state":"running","name":"XtItClient.exe","change":false}');
INSERT INTO "event" VALUES('mini-pc','e293f8ac-daf1-47a8-a938-0256fcc5576a','qmt.heartbeat','run-1',1,1767578460.0,1767578460.0,1767578460.0,'{"strategy":"heartbeat","logged_in":true,"tick_at":1767578460.0,"accounts":[{"\u8d26\u53f7":"1234","\u603b\u8d44\u4ea7":100000.0,"\u53ef\u7528\u91d1\u989d":40000.0,"\u603b\u5e02\u503c":60000.0,"\u603b\u76c8\u4e8f":1200.0}],"positions":[{"\u4ee3\u7801":"510300.SH","\u80a1\u6570":100}],"deals":[{"\u65e5\u671f":"20260105","\u8ba2\u5355\u7f16\u53f7":"7","\u5408\u540c\u7f16\u53f7":"8","\u4ee3\u7801":"510300.SH","\u4e70\u5356":"\u4e70\u5165","\u6210\u4ea4\u989d":400.0}]}');
INSERT INTO "event" VALUES('mini-pc','f0e2eca5-e586-46b9-9f24-900dcb827c49','strategy.error','run-1',1,1767578470.0,1767578470.0,1767578470.0,'{"strategy":"grid","where":"init","traceback":"ValueError: waiting"}');
CREATE TABLE file (
        machine TEXT, source TEXT, name TEXT, sha256 TEXT, content BLOB, received REAL,
        PRIMARY KEY (machine, source, name));
INSERT INTO "file" VALUES('mini-pc','etf_grid','transaction.csv','1eb7c54d52831bbfe8942af0b1c56b7409523a59ed6ca99c1174fef7eb32c1b5',X'612C62',1767578460.0);
CREATE TABLE incident (
        id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT, kind TEXT, name TEXT, opened REAL, since REAL, seen REAL,
        what TEXT, well TEXT, detail TEXT, todo TEXT, mark TEXT, priority INTEGER, one_off INTEGER, count INTEGER,
        last REAL, resolved REAL, acknowledged REAL, message INTEGER, reminded INTEGER, remind_at REAL);
INSERT INTO "incident" VALUES(1,'mini-pc','order','20260105-510300-B-02',1767578460.0,1767578460.0,1767578460.0,'委托状态不明','委托有结果了','10:01:00 委托 20260105-510300-B-02（买入 510300.SH）：not found
这只基金已停止下单，不会重发。','登录 QMT 查当日委托，再在小主机托盘菜单“处理未知委托”里告诉哨兵结果。','❗',2,0,1,1767578460.0,NULL,NULL,1,0,1767580265.0);
INSERT INTO "incident" VALUES(2,'mini-pc','strategy.error','grid/init/ValueError',1767578470.0,1767578470.0,1767578470.0,'策略 grid 出错','','10:01:10 在 init：ValueError: waiting','在 QMT 里看这个策略的日志；它若已停止，重新运行它。','❗',2,1,1,1767578470.0,NULL,NULL,2,0,NULL);
CREATE TABLE machine (
        name TEXT PRIMARY KEY, run TEXT, heard REAL, heard_since REAL, waiting INTEGER, waiting_since REAL,
        drained REAL, paused_until REAL, stopped REAL, stop_reason TEXT, started REAL, start_reason TEXT,
        fresh_until REAL, hold_until REAL, beat_at REAL, beat TEXT, run_since REAL, stop REAL, stop_at REAL, mode TEXT NOT NULL DEFAULT '', mode_why TEXT NOT NULL DEFAULT '', mode_at REAL, notice_at REAL, mode_chosen INTEGER NOT NULL DEFAULT 0);
INSERT INTO "machine" VALUES('mini-pc','run-1',1767578470.0,1767578400.0,0,NULL,1767578470.0,NULL,NULL,'',NULL,'',NULL,NULL,1767578460.0,'{"cpu":5.0}',1767578400.0,NULL,NULL,'live','',1767578460.0,NULL,0);
CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, machine TEXT, priority INTEGER, title TEXT, body TEXT,
        tail TEXT, created REAL);
INSERT INTO "message" VALUES(1,'alert','mini-pc',2,'❗ 委托状态不明 · mini-pc','10:01:00 委托 20260105-510300-B-02（买入 510300.SH）：not found
这只基金已停止下单，不会重发。
怎么办：登录 QMT 查当日委托，再在小主机托盘菜单“处理未知委托”里告诉哨兵结果。','http://127.0.0.1:8780 #1',1767578460.0);
INSERT INTO "message" VALUES(2,'alert','mini-pc',2,'❗ 策略 grid 出错 · mini-pc','10:01:10 在 init：ValueError: waiting
怎么办：在 QMT 里看这个策略的日志；它若已停止，重新运行它。','http://127.0.0.1:8780 #2',1767578470.0);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "meta" VALUES('starts','[1767578400.0]');
INSERT INTO "meta" VALUES('mail_mark','bae754d68a6f');
INSERT INTO "meta" VALUES('last_alive','1767578470.0');
CREATE TABLE orders (
        machine TEXT, flag TEXT, day TEXT, state TEXT, line INTEGER, placed REAL, at REAL, said REAL, rejected INTEGER,
        data TEXT, PRIMARY KEY (machine, flag));
INSERT INTO "orders" VALUES('mini-pc','20260105-510300-B-01','20260105','intent',1,1767578460.0,1767578460.0,1767578460.0,0,'{"code":"510300.SH","side":"B","shares":200.0,"yuan":1000.0}');
INSERT INTO "orders" VALUES('mini-pc','20260105-510300-B-02','20260105','unknown',1,1767578460.0,1767578460.0,1767578460.0,0,'{"code":"510300.SH","reason":"not found"}');
CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER, channel TEXT, priority INTEGER, due REAL, state TEXT,
        tries INTEGER NOT NULL DEFAULT 0, provider_id TEXT, callback TEXT, error TEXT, created REAL, tried REAL,
        sent REAL, first_tried REAL, UNIQUE (message, channel));
INSERT INTO "outbox" VALUES(1,1,'wecom',2,1767578465.0,'sent',1,'1',NULL,NULL,1767578460.0,1767578465.0,1767578465.0,1767578465.0);
INSERT INTO "outbox" VALUES(2,1,'mail',2,1767578465.0,'sent',1,'1',NULL,NULL,1767578460.0,1767578465.0,1767578465.0,1767578465.0);
INSERT INTO "outbox" VALUES(3,2,'wecom',2,1767578475.0,'waiting',0,NULL,NULL,NULL,1767578470.0,NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(4,2,'mail',2,1767578475.0,'waiting',0,NULL,NULL,NULL,1767578470.0,NULL,NULL,NULL);
CREATE TABLE source (
        machine TEXT, kind TEXT, name TEXT, behind INTEGER, last_seen REAL, received REAL, state TEXT,
        state_since REAL, last_well REAL, up_since REAL, hold_until REAL, data TEXT, logged_out_since REAL, tick_fresh REAL, PRIMARY KEY (machine, kind, name));
INSERT INTO "source" VALUES('mini-pc','qmt.process','',1,1767578460.0,1767578460.0,'running',1767578400.0,1767578460.0,1767578400.0,NULL,'{"state":"running","name":"XtItClient.exe","change":false}',NULL,NULL);
INSERT INTO "source" VALUES('mini-pc','qmt.heartbeat','heartbeat',1,1767578460.0,1767578460.0,'',NULL,NULL,NULL,NULL,'{"strategy":"heartbeat","logged_in":true,"tick_at":1767578460.0,"accounts":[{"\u8d26\u53f7":"1234","\u603b\u8d44\u4ea7":100000.0,"\u53ef\u7528\u91d1\u989d":40000.0,"\u603b\u5e02\u503c":60000.0,"\u603b\u76c8\u4e8f":1200.0}],"positions":[{"\u4ee3\u7801":"510300.SH","\u80a1\u6570":100}],"deals":[{"\u65e5\u671f":"20260105","\u8ba2\u5355\u7f16\u53f7":"7","\u5408\u540c\u7f16\u53f7":"8","\u4ee3\u7801":"510300.SH","\u4e70\u5356":"\u4e70\u5165","\u6210\u4ea4\u989d":400.0}]}',NULL,1767578460.0);
CREATE INDEX event_by_kind ON event (kind, received);
CREATE UNIQUE INDEX incident_open ON incident (machine, kind, name) WHERE resolved IS NULL;
CREATE INDEX outbox_by_state ON outbox (channel, state, due);
CREATE INDEX outbox_callback ON outbox (callback) WHERE callback IS NOT NULL;
CREATE INDEX attempt_by_time ON attempt (channel, at);
CREATE INDEX orders_by_day ON orders (machine, day);
CREATE INDEX orders_by_state ON orders (machine, state);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('incident',2);
INSERT INTO "sqlite_sequence" VALUES('message',2);
INSERT INTO "sqlite_sequence" VALUES('outbox',4);
COMMIT;
