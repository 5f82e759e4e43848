# shellcheck shell=bash disable=SC2004,SC2034,SC2154 # shares its variables with scripts/image-label-client
# The commands of image-label-client that use /v1.

# Prints lines of JSON unchanged with --json; else the fields that a jq expression lists, separated by tabs. Names
# may hold anything: characters that a terminal obeys are removed from lines for people.
shown() { # JQ
	if [[ -v given[json] ]]; then
		jq -c .
	else
		jq -r "[$1] | map(if . == null then \"-\" else tostring end | gsub(\"[\\u0000-\\u001f\\u007f-\\u009f]\"; \"?\")) | join(\"\\t\")"
	fi
}

# Requests a list page after page, each to $work/answer, and calls a function after each; ends when that fails.
each_page() { # ROUTE QUERY FUNCTION [argument]…
	local after='' left=${given[limit]-} page=1000
	while :; do
		((${left:-$page} >= page)) || page=$left
		request GET "$1?limit=$page${2:+&$2}${after:+&after=$(encoded "$after")}"
		"${@:3}" || return 0
		[[ -z $left ]] || left=$((left - $(jq '.items | length' "$work/answer"))) # a page may be short
		after=$(jq -r '.next // empty' "$work/answer")
		[[ -n $after && $left != 0 ]] || return 0
	done
}

print_items() {
	jq -c '.items[]' "$work/answer" 2>/dev/null || fail 1 'cannot write to standard output'
}

items() { # ROUTE [QUERY]: prints them, a line of JSON each
	each_page "$1" "${2-}" print_items
}

find_item() { # KEY TEXT KEY: sets found to the second key of the item whose first is the text
	found=$(jq -r --arg key "$1" --arg text "$2" --arg wanted "$3" 'first(.items[] | select(.[$key] == $text) | .[$wanted])' "$work/answer")
	[[ -z $found ]]
}

# Set found to the number of the image that --id or --filepath names, and to the key of a label.
find_sample() {
	local filepath=${given[filepath]-}
	[[ -z $filepath || ! -v given[id] ]] || wrong_usage "$command takes --id or --filepath, not both"
	found=${given[id]-}
	[[ -z $found ]] || return 0
	[[ -n $filepath ]] || wrong_usage "$command needs --id or --filepath"
	each_page "/datasets/$(encoded "$dataset")/samples" "q=$(encoded "$filepath")" find_item filepath "$filepath" id
	[[ -n $found ]] || fail 3 "there is no image $filepath in dataset $dataset"
}

find_label() { # NAME
	found=''
	each_page "/datasets/$(encoded "$dataset")/labels" '' find_item name "$1" key
	[[ -n $found ]] || fail 1 "there is no label $1 in dataset $dataset"
}

# The given filters as a query.
query() {
	local key query=''
	for key in $filters disputed gold said_by; do
		[[ ! -v given[$key] ]] || query+="&$key=$(encoded "${given[$key]}")"
	done
	printf '%s' "${query#&}"
}

route() { # TEMPLATE: what follows /v1; sets route
	case $1 in
	'{sample}'*) find_sample && route="{d}/samples/$found${1#'{sample}'}" ;;
	'{label}'*) find_label "${words[0]}" && route="{d}/labels/$found${1#'{label}'}" ;;
	'{task}'*) need token && route="{d}/tasks/$(encoded "${given[token]}")${1#'{task}'}" ;;
	*) route=$1 ;;
	esac
	route=${route//'{d}'//datasets/$(encoded "$dataset")}
	route=${route//'{0}'/$(encoded "${words[0]-}")}
}

# The options as jq's $o; a policy is JSON, except that of a skip.
options_json() {
	local key
	for key in ${options_of[$command]}; do
		[[ ! -v given[$key] ]] || jq -cn --arg key "$key" --arg value "${given[$key]}" '{($key): $value}'
	done | jq -cs --arg command "$command" 'add // {} | if .policy and $command != "skip" then .policy |= fromjson else . end'
}

body() { # JQ: without the fields that are null
	jq -cn --argjson o "$(options_json)" "\$ARGS.positional as \$w | $1 | with_entries(select(.value != null))
		| if .expires_at == \"never\" then .expires_at = null else . end" --args -- "${words[@]}"
}

# Sends the command's request from the table; the answer goes to $work/answer.
ask_as_defined() {
	local asked=()
	route "${route_of[$command]}"
	[[ -z ${body_of[$command]} ]] || asked=("$(body "${body_of[$command]}")")
	request "${method_of[$command]}" "$route" "${asked[@]}"
}

# Prints the answer, or the items if it is a list.
answered() {
	jq -c 'if .items then .items[] elif .tasks then .tasks[] else . end' "$work/answer"
}

run() {
	if [[ ${method_of[$command]} == LIST ]]; then
		route "${route_of[$command]}"
		items "$route" "$(query)" | shown "${line_of[$command]}"
	else
		ask_as_defined
		[[ -z ${line_of[$command]} ]] || answered | shown "${line_of[$command]}" || fail 1 'cannot write to standard output'
	fi
}

run_next() {
	local outimg=${given[outimg]-}
	[[ -z $outimg ]] || prepare_image "$outimg"
	ask_as_defined
	[[ $status != 204 ]] || fail 3 "nothing is left to label in dataset $dataset"
	answered >"$work/task"
	if [[ -n $outimg ]]; then
		fetch "$(jq -r .sample.image_url "$work/task")" "$image"
		described=$(<"$work/task") # which the fetch has set, too
		save_image "$outimg"
	fi
	shown "${line_of[next]}" <"$work/task"
}

# shellcheck disable=SC2016 # $w and $o are jq's
run_label() {
	[[ ! -v given[lead_time] || -v given[token] ]] || wrong_usage '--lead-time goes with --token'
	if [[ -v given[token] ]]; then
		route_of[label]='{task}/label'
		body_of[label]='{label: $w[0], lead_time_ms: ($o.lead_time | if . then tonumber else null end)}'
	elif [[ -n $several ]]; then
		route_of[label]='{d}/samples/label' body_of[label]='{label: $w[0], ids: ($o.id | split(",") | map(tonumber))}' line_of[label]=.labelled
	elif [[ -n $(query) ]]; then
		[[ ! -v given[id] && ! -v given[filepath] ]] || wrong_usage 'label takes one image or a filter, not both'
		route_of[label]='{d}/samples/label' line_of[label]=.labelled
		body_of[label]='{label: $w[0], filter: ($o | del(.token, .lead_time))}'
	fi
	run
}

run_passwd() {
	local new again
	if [[ -t 0 ]]; then
		read -rsp 'New password: ' new && echo >&2 && read -rsp 'Again: ' again && echo >&2
		[[ $new == "$again" ]] || fail 1 'the two differ: nothing was changed'
	else
		IFS= read -r new || [[ -n $new ]] || fail 1 'no password on standard input'
	fi
	request POST /me/password "$(jq -R '{password: .}' <<<"$new")"
}

# As it is, and of any size.
run_get() {
	route "${route_of[$command]}"
	ask "$work/answer" --header 'Accept: application/json' < <(curl_config "$base/v1$route")
	check_status "$work/answer"
	cat -- "$work/answer" || fail 1 'cannot write to standard output'
}

run_stats() {
	ask_as_defined
	if [[ -v given[json] ]]; then
		answered
	else
		jq -c '(.labels[] | ["label", .name, .count]),
			(.people[] | ["person", .user, .labelled], ["median_lead_time_ms", .user, .median_lead_time_ms], ["images_per_hour", .user, .images_per_hour]),
			(.days[] | ["day", .date, .labelled]),
			["median_lead_time_ms", "all", .median_lead_time_ms],
			(.agreement | ["fleiss_kappa", "all", .fleiss_kappa], ["krippendorff_alpha", "all", .krippendorff_alpha],
				(.cohen_kappa[] | ["cohen_kappa", (.users | join(",")), .kappa])),
			(.confusion[] | (.users | join(",")) as $users | .counts | to_entries[] | .key as $one | .value | to_entries[] |
				["confusion", $users, .value, $one, .key]),
			(.gold // [] | .[] | ["gold_answered", .user, .answered], ["gold_right", .user, .right])' "$work/answer" | shown '.[]' || fail 1 'cannot write to standard output'
	fi
}

# The cursor is kept after what is before it was printed: an end in between prints that again, and loses nothing.
run_changes() {
	local after='' file=${given[cursor]-} wait=''
	[[ -z $file || -w $(dirname -- "$file") ]] || fail 1 "cannot write $file: its folder does not exist or cannot be written"
	[[ ! -s $file ]] || after=$(<"$file")
	[[ ! -v given[follow] ]] || wait=10
	route "${route_of[changes]}"
	while :; do
		request GET "$route?${wait:+wait=$wait&}${after:+after=$(encoded "$after")}"
		print_items | shown "${line_of[changes]}" || fail 1 'cannot write to standard output'
		after=$(jq -r .next "$work/answer")
		if [[ -n $file ]]; then
			{ printf '%s\n' "$after" >"$file.part" && mv -fT -- "$file.part" "$file"; } 2>/dev/null || fail 1 "cannot write $file"
		fi
		if jq -e '.items == []' "$work/answer" >/dev/null; then
			[[ -n $wait ]] || return 0
			sleep 1 # too many may wait already, and then none is made to
		fi
	done
}

# The form of a file of labels, by its name.
form_of() { # FILE
	case ${1,,} in
	*.csv) echo csv ;;
	*.jsonl | *.ndjson) echo jsonl ;;
	*.manifest) echo sagemaker ;;
	*.json) echo labelstudio ;;
	*) wrong_usage "which form has $1? give --format FORMAT" ;;
	esac
}

run_import() {
	local file=${words[0]} form=${given[format]-}
	[[ -n $form ]] || form=$(form_of "$file")
	[[ $file == - || -f $file && -r $file ]] || fail 1 "cannot read $file"
	[[ $file != - ]] || { file=$work/labels && cat >"$file"; }
	route "${route_of[import]}"
	ask "$work/answer" --request POST --header 'Content-Type: application/octet-stream' --upload-file "$file" --speed-time 3600 \
		< <(curl_config "$base/v1$route?format=$(encoded "$form")")
	check_status "$work/answer"
	jq -e .summary < <(tail -n 1 "$work/answer") >"$work/summary" 2>/dev/null || fail 1 'the answer is not that of an image-label-server'
	if [[ -v given[json] ]]; then
		cat -- "$work/answer"
	else
		jq -c 'select(.error)' "$work/answer" | shown "${line_of[import]}"
		jq -c . "$work/summary" | shown 'del(.error) | to_entries[] | .key, .value'
	fi || fail 1 'cannot write to standard output'
	jq -e '.error | not' "$work/summary" >/dev/null || fail 1 "the rest was not read: $(jq -r .error "$work/summary")"
	jq -e '.failed == 0' "$work/summary" >/dev/null || fail 1 "lines that do not match: $(jq -r .failed "$work/summary")"
}

run_gold() {
	given[gold]=true
	run
}

run_merge() {
	find_label "${words[1]}"
	given[into]=$found
	options_of[$command]=into
	run
}

run_show() {
	ask_as_defined
	if [[ -v given[json] ]]; then
		answered
	else
		jq -r 'to_entries[] | "\(.key): \(.value | tojson)"' "$work/answer"
	fi
}
