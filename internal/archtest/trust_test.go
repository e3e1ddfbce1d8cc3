package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// oneMint checks that permits come from one place: access.Decide is named once outside tests, in internal/accounts.
func oneMint(t *tree) []finding {
	const mint = "internal/accounts"
	var found []finding
	var calls []string
	for _, s := range t.files {
		if s.beside() || s.dir() == "internal/access" {
			continue
		}
		for _, m := range mentions(s) {
			if m.path != t.module+"/internal/access" || m.name != "Decide" {
				continue
			}
			if s.dir() == mint {
				calls = append(calls, t.at(m.node))
				continue
			}
			found = append(found, finding{t.at(m.node), "access.Decide outside " + mint,
				"ask accounts.Authorize for the permit; it is the one mint"})
		}
	}
	if len(calls) > 1 {
		found = append(found, finding{strings.Join(calls, ", "), fmt.Sprintf("access.Decide is named %d times; the mint is one function", len(calls)),
			"let all of accounts go through the one function that reads the rights and decides"})
	}
	if len(calls) == 0 && slices.Contains(t.dirs(), mint) {
		found = append(found, finding{mint, "access.Decide is named nowhere: who makes permits?",
			"let accounts.Authorize call access.Decide"})
	}
	return found
}

// outbound lists the names that open connections, by package. A nil set means every name of the package.
func outbound() map[string][]string {
	return map[string][]string{
		"net": {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "Resolver", "DefaultResolver",
			"LookupHost", "LookupIP", "LookupAddr", "LookupCNAME", "LookupMX", "LookupNS", "LookupSRV", "LookupTXT", "LookupPort",
			"ResolveTCPAddr", "ResolveUDPAddr", "ResolveIPAddr",
			"ListenUDP", "ListenPacket", "ListenMulticastUDP", "ListenIP", "ListenUnixgram", "FileConn", "FilePacketConn"}, // they send too
		"syscall":                      {"Connect", "Sendto", "Sendmsg"},
		"golang.org/x/sys/unix":        {"Connect", "Sendto", "Sendmsg"},
		"net/http":                     {"Get", "Head", "Post", "PostForm", "Client", "DefaultClient", "Transport", "DefaultTransport"},
		"net/http/httputil":            {"ReverseProxy", "NewSingleHostReverseProxy"},
		"crypto/tls":                   {"Dial", "DialWithDialer", "Dialer"},
		"github.com/coder/websocket":   {"Dial"},
		"net/smtp":                     nil,
		"net/rpc":                      nil,
		"log/syslog":                   nil,
		"golang.org/x/crypto/acme":     nil,
		"golang.org/x/net/proxy":       nil,
		"github.com/gorilla/websocket": nil,
	}
}

// localOnly checks invariant I8 as far as source can show it: nothing opens a connection but the one dialer, the health
// check, which asks the own server, and what is not in the binary. Simulated cameras open UDP ports to answer from.
func localOnly(t *tree) []finding {
	names := outbound()
	var found []finding
	for _, s := range t.files {
		health := s.dir() == "cmd/nvr" && strings.Contains(s.path, "health")
		if s.beside() || health || within(s.dir(), "internal/outbound", "bench") {
			continue
		}
		for _, m := range mentions(s) {
			list, listed := names[m.path]
			if s.dir() == "internal/testcam" && m.name == "ListenPacket" {
				continue
			}
			if listed && (list == nil || slices.Contains(list, m.name)) {
				found = append(found, finding{t.at(m.node), m.path + "." + m.name + " opens connections (I8)",
					"let internal/outbound connect; it knows what the configuration names, and the program connects to nothing else"})
			}
		}
	}
	return found
}

// noProcesses checks that no other program is started by the calls below os/exec either.
func noProcesses(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		if s.beside() || within(s.dir(), "bench") {
			continue
		}
		for _, m := range mentions(s) {
			starts := m.path == "os" && m.name == "StartProcess" ||
				(m.path == "syscall" || m.path == "golang.org/x/sys/unix") && slices.Contains([]string{"Exec", "ForkExec", "StartProcess"}, m.name)
			if starts {
				found = append(found, finding{t.at(m.node), m.path + "." + m.name + " starts a program", "the program starts no other program; do it in Go"})
			}
		}
	}
	return found
}

var cacheName = regexp.MustCompile(`(LRU|lru|Cache|cache|Lru)$`)

// nothingShared checks that the rooms that serve footage, and the one that decides, keep no pool and no cache that two
// viewers could meet in: no sync.Pool, no imported cache, and no type, field or variable that calls itself one.
func nothingShared(t *tree) []finding {
	const mend = "read what is needed for each request, into buffers of its own; nothing of one viewer's may wait where another's request finds it"
	var found []finding
	for _, s := range t.files {
		if s.beside() || !within(s.dir(), "web", "storage", "internal/live", "internal/accounts", "internal/audit", "internal/identity", "internal/layout") {
			continue
		}
		for spec, p := range imports(s) {
			if low := strings.ToLower(p); strings.Contains(low, "lru") || strings.Contains(low, "cache") {
				found = append(found, finding{t.at(spec), p + " keeps a cache", mend})
			}
		}
		for _, m := range mentions(s) {
			if m.path == "sync" && m.name == "Pool" {
				found = append(found, finding{t.at(m.node), "sync.Pool hands one request's buffers to the next", mend})
			}
		}
		for _, id := range held(s) {
			if cacheName.MatchString(id.Name) {
				found = append(found, finding{t.at(id), id.Name + " calls itself a cache", mend})
			}
		}
	}
	return found
}

// held lists the names of a file's types, struct fields and package-level variables: what can keep something.
func held(s *source) []*ast.Ident {
	var ids []*ast.Ident
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			ids = append(ids, n.Name)
		case *ast.StructType:
			for _, f := range n.Fields.List {
				ids = append(ids, f.Names...)
			}
		}
		return true
	})
	for _, v := range packageVars(s) {
		ids = append(ids, v.Names...)
	}
	return ids
}

var sqlStart = regexp.MustCompile("^[\"`]\\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|PRAGMA|EXPLAIN|CREATE|ALTER|DROP)\\s")

// sqlInTheIndex checks that of storage only storage/index speaks SQL: nothing else there imports database/sql or has a
// statement.
func sqlInTheIndex(t *tree) []finding {
	const mend = "make it a named method of index.Reader or index.Tx"
	var found []finding
	for _, s := range t.files {
		if s.beside() || !within(s.dir(), "storage") || within(s.dir(), "storage/index") {
			continue
		}
		for spec, p := range imports(s) {
			if p == "database/sql" {
				found = append(found, finding{t.at(spec), "database/sql outside storage/index", mend})
			}
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && sqlStart.MatchString(text.Value) {
				found = append(found, finding{t.at(text), "an SQL statement outside storage/index", mend})
			}
			return true
		})
	}
	return found
}
