package redis

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBadURL checks that the error names the fault, and never the password, however the
// URL is wrong.
func TestBadURL(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"", "url: empty: want redis://host:port"},
		{" ", "url: empty: want redis://host:port"},
		{"http://:secret@localhost", "url: scheme: want redis, rediss or unix"},
		{"localhost:6379", "url: scheme: want redis, rediss or unix"},
		{"secret:6379", "url: scheme: want redis, rediss or unix"},
		{"127.0.0.1:6379", "url: malformed"},
		{"//:secret@localhost", "url: scheme: want"},
		{"redis://:sec/ret@localhost", "malformed"},
		{"redis://u:123/secret@localhost", "invalid database number"},
		{"redis://:sec%zzret@localhost", "malformed"},
		{"redis://:secret@localhost/a/b", "invalid URL path"},
		{"redis://:secret@localhost/x", "invalid database number"},
		{"redis://:secret@localhost?dial_timeout=soon", "invalid dial timeout"},
		{"redis://:secret@localhost?masterset=secret", `url: parameter "masterset": want one of db, addr, master_set, dial_timeout, write_timeout, client_name, skip_verify`},
		{"redis://:secret@localhost?master_set=secret&Addr=secret", `parameter "Addr": want`},
		{"redis://:secret@localhost?protocol=3&max_retries=0", "parameter \"max_retries\": want one of db, addr, master_set, dial_timeout, write_timeout, client_name, skip_verify\nurl: parameter \"protocol\": want"},
		{"redis://:secret@localhost?x", `parameter "x": want`},
		{"redis://:secret@localhost?master_set=%zz", "parameters: malformed"},
		{"redis://:secret@localhost?master_set=a;db=1", "parameters: malformed"},
		{"redis:localhost:6379", "url: host: missing: want // after the scheme"},
		{"redis:secret@localhost:6379", "url: host: missing: want // after the scheme"},
		{"rediss:localhost", "url: host: missing: want // after the scheme"},
		{"redis:/localhost", "url: host: missing: want redis://host:port"},
		{"redis://", "url: host: missing: want redis://host:port"},
		{"rediss://", "url: host: missing: want rediss://host:port"},
		{"valkey://", "url: host: missing: want valkey://host:port"},
		{"redis://:6398", "url: host: missing"},
		{"redis:///3", "url: host: missing"},
		{"redis://u:secret@/3", "url: host: missing"},
		{"redis://u:secret@:6379/3", "url: host: missing"},
		{"redis://:secret@", "url: host: missing"},
		{"redis://?addr=localhost:1", "url: host: missing"},
		{"redis://?master_set=mymaster&addr=localhost:1", "url: host: missing"},
		{"redis://[]:6379", "malformed"},
		{"redis://:secret@localhost:", "url: port: missing after the colon"},
		{"redis://:secret@localhost:0", "url: port: want 1 to 65535"},
		{"redis://:secret@localhost:99999", "url: port: want 1 to 65535"},
		{"redis://:secret@a:1,b:2", "url: host: want one host, and each other as addr=host:port"},
		{"redis://:secret@a,b", "url: host: want one host"},
		{"redis://localhost ", "url: malformed"},
		{" redis://localhost", "url: malformed"},
		{"redis://localhost:6379 ", "url: malformed"},
		{"redis://local host:6379", "url: malformed"},
		{"redis://localhost:6379/0 ", "invalid database number"},
		{"redis://localhost#secret", "url: fragment: want # written as %23"},
		{"redis://u:pa#secret@localhost", "malformed"},
		{"redis://pa#secret@localhost", "url: fragment: want # written as %23"},
		{"redis://localhost?db=", "invalid database number"},
		{"redis://localhost?db=-1", "url: db: want 0 or more"},
		{"redis://localhost/-1", "url: db: want 0 or more"},
		{"redis://localhost/1?db=2", "url: db: want it in the path or as a parameter"},
		{"redis://localhost?db=1&db=2", "url: parameter \"db\": want it once"},
		{"redis://localhost?dial_timeout=-1s", "url: dial_timeout: want 0 or more"},
		{"redis://localhost?write_timeout=-1s", "url: write_timeout: want 0 or more"},
		{"redis://localhost?addr=", "url: addr: want host:port"},
		{"redis://localhost?addr=:secret", "url: addr: want host:port"},
		{"redis://localhost?addr=:6380", "url: addr: want host:port"},
		{"redis://localhost?addr=other", "url: addr: want host:port"},
		{"redis://localhost?addr=other:", "url: addr: want host:port"},
		{"redis://localhost?addr=a:1,b:2", "url: addr: want host:port"},
		{"redis://localhost?addr=a:1&addr=redis://b:2", "url: addr: want host:port"},
		{"redis://localhost?master_set=", "url: master_set: empty"},
		{"unix:", "url: path: missing: want unix:///path"},
		{"unix://", "url: path: missing: want unix:///path"},
		{"unix:///", "url: path: missing: want unix:///path"},
		{"unix://?db=1", "url: path: missing"},
		{"unix:redis.sock", "url: path: missing: want unix:///path"},
		{"unix://redis.sock", "url: host: want none"},
		{"unix://run/redis.sock", "url: host: want none"},
		{"unix://:secret@run/redis.sock", "url: host: want none"},
		{"unix:///run/redis.sock?addr=localhost:1", "url: addr: want none beside a socket"},
		{"unix:///run/redis.sock?master_set=m", "url: master_set: want none beside a socket"},
		{"redis://u:123?secret&x@localhost", "unknown parameter: want one of db"},
		{"redis://u:123?secret#x@localhost", "unknown parameter: want one of db"},
	} {
		_, err := Open(test.url, Config{Prefix: "a}"})
		require.ErrorContains(t, err, test.want, test.url)
		require.ErrorContains(t, err, `prefix: "a}"`, test.url)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "ret@")
	}
}

// TestURL checks what Open makes of a complete URL.
func TestURL(t *testing.T) {
	for _, test := range []struct {
		url   string
		addrs []string
		db    int
	}{
		{"redis://redis.example", []string{"redis.example:6379"}, 0},
		{"redis://redis.example:7000/3", []string{"redis.example:7000"}, 3},
		{"redis://redis.example/", []string{"redis.example:6379"}, 0},
		{"redis://127.0.0.1?db=3", []string{"127.0.0.1:6379"}, 3},
		{"REDIS://redis.example", []string{"redis.example:6379"}, 0},
		{"valkey://redis.example", []string{"redis.example:6379"}, 0},
		{"rediss://u:secret@redis.example", []string{"redis.example:6379"}, 0},
		{"redis://[::1]", []string{"[::1]:6379"}, 0},
		{"redis://[::1]:7000", []string{"[::1]:7000"}, 0},
		{"redis://a:1?addr=b:2&addr=[::1]:3", []string{"a:1", "b:2", "[::1]:3"}, 0},
		{"redis://a:1?master_set=m&addr=b:2", []string{"a:1", "b:2"}, 0},
		{"unix:///run/redis.sock", []string{"/run/redis.sock"}, 0},
		{"unix:/run/redis.sock?db=2", []string{"/run/redis.sock"}, 2},
		{"unix://:secret@/run/redis.sock", []string{"/run/redis.sock"}, 0},
	} {
		option, err := parseOption(test.url)
		require.NoError(t, err, test.url)
		require.Equal(t, test.addrs, option.InitAddress, test.url)
		require.Equal(t, test.db, option.SelectDB, test.url)
	}
}
