# What rooms call of later rooms: awk -f tests/layers.awk pythreading.h. Prints each call upward
# that is not in the table in config's banner, and each row of the table that nothing uses.
#
# It relies on the form that clang-format gives: what stands at file level begins without
# indentation, what stands in a function does not.

# The line without comments and strings.
function bare(line, out) {
    out = ""
    while (line != "") {
        if (comment) {
            if (!index(line, "*/")) { return out }
            line = substr(line, index(line, "*/") + 2)
            comment = 0
        } else if (!match(line, /\/\*|"([^"\\]|\\.)*"/)) {
            return out line
        } else {
            out = out substr(line, 1, RSTART - 1) " "
            comment = substr(line, RSTART, 1) == "/"
            line = substr(line, RSTART + (comment ? 2 : RLENGTH))
        }
    }
    return out
}

# A name in `room`, with what stands before and after it: called, or used as a pointer.
function look(name, before, after) {
    if (after ~ /^ *\(/) {
        if (level == "file") {
            if (declared == "") { declared = name }
            return
        }
    } else if (before !~ /(^|[(,={?:&|!]|return) *$/ || after !~ /^ *[),;}:?]/) {
        return
    }
    uses++
    used[uses] = name
    user[uses] = room
    place[uses] = FILENAME ":" FNR
}

/^#ifndef PYTHREADING_H/ { code = 1 }
!code { next }
match($0, /^ \* *>>[a-z_]+/) {
    room = substr($2, 3)
    rank[room] = ++rooms
}
/^ \*  from +to +function/ { table = 1; next }
/^ \*( =|$)/ { table = 0 }
table && $4 ~ /^(pyt__|hooks$)/ { rows[$2 " " $3 " " $4] = FNR }
{
    text = $0
    gsub(/'"'/, "", text)
    text = bare(text)
    define = text ~ /^ *# *define/ || (define && continued)
    continued = text ~ /\\$/
    level = define || text ~ /^[ \t}]/ ? "inside" : "file"
    before = ""
    if (text ~ /^ *# *define +pyt_/) { # the name that it defines is no call
        match(text, /pyt_[a-z0-9_]*/)
        text = substr(text, RSTART + RLENGTH)
    }
    rest = text
    while (match(rest, /[A-Za-z0-9_]+/)) {
        before = before substr(rest, 1, RSTART - 1)
        name = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (name ~ /^pyt_/) { look(name, before, rest) }
        before = before name
    }
    # A function's head goes on until its brace; the first room that has one is the function's.
    if (declared != "" && match(text, /[{;]/)) {
        if (substr(text, RSTART, 1) == "{" && !(declared in home)) { home[declared] = room }
        declared = ""
    }
}

END {
    for (i = 1; i <= uses; i++) {
        if (!(used[i] in home)) { continue }
        to = home[used[i]]
        if (rank[to] <= rank[user[i]]) { continue }
        row = user[i] " " to " " used[i]
        if (("any " to " hooks") in rows) { row = "any " to " hooks" }
        if (row in rows) {
            serves[row] = 1
        } else {
            print place[i] ": " user[i] " calls " used[i] ", a function of " to
        }
    }
    for (row in rows) {
        if (!(row in serves)) { print FILENAME ":" rows[row] ": there is no such call: " row }
    }
}
